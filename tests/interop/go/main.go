// Drives cos-go-sdk-v5 and two ways to STS: one JSON request a line on stdin, one JSON answer a line on stdout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	cloud "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	sts "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/sts/v20180813"
	"github.com/tencentyun/cos-go-sdk-v5"
	helper "github.com/tencentyun/qcloud-cos-sts-sdk/go"
)

type request struct {
	Verb, Bucket, Key, File, Into, Method string
	Prefix, Delimiter                     string
	Address, Route, Region                string
	SecretID                              string `json:"secret_id"`
	SecretKey                             string `json:"secret_key"`
	Token                                 string
	MaxKeys                               int `json:"max_keys"`
	Expires                               int
	UploadID                              string `json:"upload_id"`
	Source, Range                         string
	Number, Max                           int
	Parts                                 [][2]any
	VersionID                             string `json:"version_id"`
	Status                                string
	Position                              int
	Keys                                  []string
	Tags, Grants                          [][2]string
	ACL, Owner                            string
	Days                                  int
	Tier                                  string
	Plain, Merged, Quiet                  bool
	Anonymous, Stream                     bool
	Versions                              [][2]string
	SourceVersion                         string `json:"source_version"`
	Headers, Query                        map[string]string
	By, Action, Provider, Identity        string
	RoleARN                               string `json:"role_arn"`
	Policy                                json.RawMessage
	Seconds                               uint64
	Rules                                 []rule
	Algorithm                             string
	Website                               *website
	Referer                               *referer
	Domains                               []domain
	Origins                               []origin
	Domain, Cert                          string
	PrivateKey                            string `json:"private_key"`
	ID                                    string
	Inventory                             *inventory
	Tiering                               *tiering
	Logging                               *logging
	Origin, Asks, Target                  string
	Expression, Header, Until             string
	JSON                                  bool
}

type website struct {
	Index string     `json:"index,omitempty"`
	Error string     `json:"error,omitempty"`
	Rules []redirect `json:"rules,omitempty"`
}

type redirect struct {
	ErrorCode     int    `json:"error_code,omitempty"`
	Prefix        string `json:"prefix,omitempty"`
	Key           string `json:"key,omitempty"`
	ReplacePrefix string `json:"replace_prefix,omitempty"`
	HTTPS         bool   `json:"https,omitempty"`
}

type referer struct {
	Enabled    bool     `json:"enabled,omitempty"`
	List       string   `json:"list,omitempty"`
	Domains    []string `json:"domains,omitempty"`
	AllowEmpty bool     `json:"allow_empty,omitempty"`
}

type inventory struct {
	ID        string   `json:"id,omitempty"`
	Enabled   bool     `json:"enabled,omitempty"`
	Every     string   `json:"every,omitempty"`
	Versions  string   `json:"versions,omitempty"`
	Prefix    string   `json:"prefix,omitempty"`
	Fields    []string `json:"fields,omitempty"`
	To        string   `json:"to,omitempty"`
	Into      string   `json:"into,omitempty"`
	Account   string   `json:"account,omitempty"`
	Encrypted bool     `json:"encrypted,omitempty"`
}

type tiering struct {
	ID      string   `json:"id,omitempty"`
	Enabled bool     `json:"enabled,omitempty"`
	Prefix  string   `json:"prefix,omitempty"`
	Tiers   [][2]any `json:"tiers,omitempty"`
}

type accelerate struct {
	Enabled bool `json:"enabled,omitempty"`
}

type logging struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix"`
}

type domain struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	To      string `json:"to"`
}

type certificate struct {
	Enabled bool `json:"enabled"`
}

type origin struct {
	Priority int    `json:"priority"`
	Type     string `json:"type"`
	Status   int    `json:"status"`
	Prefix   string `json:"prefix,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	Hosts    []host `json:"hosts"`

	Headers *headers `json:"headers,omitempty"`
}

type headers struct {
	New    []string `json:"new,omitempty"`
	Follow []string `json:"follow,omitempty"`
}

type host struct {
	Name   string `json:"name"`
	Weight int64  `json:"weight,omitempty"`
}

// Of CORS, of a lifecycle or of replication.
type rule struct {
	ID           string       `json:"id,omitempty"`
	Origins      []string     `json:"origins,omitempty"`
	Methods      []string     `json:"methods,omitempty"`
	Headers      []string     `json:"headers,omitempty"`
	Expose       []string     `json:"expose,omitempty"`
	MaxAge       int          `json:"max_age,omitempty"`
	Enabled      bool         `json:"enabled,omitempty"`
	Prefix       string       `json:"prefix,omitempty"`
	Transitions  []transition `json:"transitions,omitempty"`
	Expiration   *expiration  `json:"expiration,omitempty"`
	AbortUploads int          `json:"abort_uploads,omitempty"`
	Role         string       `json:"role,omitempty"`
	Region       string       `json:"region,omitempty"`
	Bucket       string       `json:"bucket,omitempty"`
}

type transition struct {
	Days         int    `json:"days"`
	StorageClass string `json:"storage_class"`
}

type expiration struct {
	Days int `json:"days"`
}

type answer struct {
	Error     string                     `json:"error,omitempty"`
	Status    int                        `json:"status,omitempty"`
	Code      string                     `json:"code,omitempty"`
	RequestID string                     `json:"request_id,omitempty"`
	Headers   map[string]string          `json:"headers,omitempty"`
	Keys      []string                   `json:"keys,omitempty"`
	Prefixes  []string                   `json:"prefixes,omitempty"`
	Pages     int                        `json:"pages,omitempty"`
	UploadID  string                     `json:"upload_id,omitempty"`
	Parts     [][3]any                   `json:"parts,omitempty"`
	Uploads   [][2]string                `json:"uploads,omitempty"`
	Versions  [][2]string                `json:"versions,omitempty"`
	VersionID string                     `json:"version_id,omitempty"`
	Markers   []string                   `json:"markers,omitempty"`
	Tags      [][2]string                `json:"tags,omitempty"`
	ACL       string                     `json:"acl,omitempty"`
	Grants    [][2]string                `json:"grants,omitempty"`
	URL       string                     `json:"url,omitempty"`
	Buckets   [][2]string                `json:"buckets,omitempty"`
	Rules     []rule                     `json:"rules,omitempty"`
	Algorithm string                     `json:"algorithm,omitempty"`
	Policy    *cos.BucketGetPolicyResult `json:"policy,omitempty"`
	SecretID  string                     `json:"secret_id,omitempty"`
	SecretKey string                     `json:"secret_key,omitempty"`
	Token     string                     `json:"token,omitempty"`
	ExpiresAt int64                      `json:"expires_at,omitempty"`
	Website   *website                   `json:"website,omitempty"`
	Referer   *referer                   `json:"referer,omitempty"`
	Logging   *logging                   `json:"logging,omitempty"`
	Global    *accelerate                `json:"accelerate,omitempty"`
	Target    string                     `json:"target,omitempty"`
	Location  string                     `json:"location,omitempty"`

	Inventories []inventory `json:"inventories,omitempty"`
	Tierings    []tiering   `json:"tierings,omitempty"`

	Domains     []domain     `json:"domains,omitempty"`
	Certificate *certificate `json:"certificate,omitempty"`
	Expires     int64        `json:"expires,omitempty"`
	Origins     []origin     `json:"origins,omitempty"`
	Returned    int          `json:"returned,omitempty"`
	Lock        int          `json:"lock,omitempty"`
	Until       string       `json:"until,omitempty"`
}

var (
	ctx       = context.Background()
	given     request
	transport *http.Transport
)

func use(r request) {
	given, transport = r, &http.Transport{}
	if given.Route == "proxy" {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: given.Address})
	} else {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, given.Address)
		}
	}
}

func (r request) client() *cos.Client {
	bucket, err := cos.NewBucketURL(r.Bucket, given.Region, false)
	if err != nil {
		panic(err)
	}
	if given.Domain != "" {
		bucket = &url.URL{Scheme: "http", Host: given.Domain}
	}
	if given.Anonymous {
		return cos.NewClient(&cos.BaseURL{BucketURL: bucket}, &http.Client{Transport: transport})
	}
	return cos.NewClient(&cos.BaseURL{BucketURL: bucket}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: given.SecretID, SecretKey: given.SecretKey, SessionToken: given.Token, Transport: transport,
	}})
}

// A temporary key from the helper for COS, or from the SDK for all of the cloud's API, asked for through the same proxy.
func (r request) sts() (answer, error) {
	if r.By == "helper" {
		return r.helped()
	}
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = "HTTP"
	settings.HttpProfile.Proxy = "http://" + given.Address
	key := common.NewTokenCredential(given.SecretID, given.SecretKey, given.Token)
	client, err := sts.NewClient(key, given.Region, settings)
	if err != nil {
		return answer{}, err
	}
	policy := url.QueryEscape(string(r.Policy))
	switch r.Action {
	case "GetFederationToken":
		call := sts.NewGetFederationTokenRequest()
		call.Name, call.Policy, call.DurationSeconds = common.StringPtr("interop"), &policy, &r.Seconds
		got, err := client.GetFederationToken(call)
		if err != nil {
			return answer{}, err
		}
		return keys(got.Response.Credentials, *got.Response.ExpiredTime), nil
	case "AssumeRole":
		call := sts.NewAssumeRoleRequest()
		call.RoleArn, call.RoleSessionName = &r.RoleARN, common.StringPtr("interop")
		call.Policy, call.DurationSeconds = &policy, &r.Seconds
		got, err := client.AssumeRole(call)
		if err != nil {
			return answer{}, err
		}
		return keys(got.Response.Credentials, *got.Response.ExpiredTime), nil
	default:
		call := sts.NewAssumeRoleWithWebIdentityRequest()
		call.SetSkipSign(true)
		call.ProviderId, call.WebIdentityToken = &r.Provider, &r.Identity
		call.RoleArn, call.RoleSessionName = &r.RoleARN, common.StringPtr("interop")
		seconds := int64(r.Seconds)
		call.DurationSeconds = &seconds
		got, err := client.AssumeRoleWithWebIdentity(call)
		if err != nil {
			return answer{}, err
		}
		return keys(got.Response.Credentials, *got.Response.ExpiredTime), nil
	}
}

func (r request) helped() (answer, error) {
	proxied := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: given.Address})}}
	client := helper.NewClient(given.SecretID, given.SecretKey, proxied, helper.Scheme("http"))
	options := &helper.CredentialOptions{
		Region: given.Region, DurationSeconds: int64(r.Seconds), RoleArn: r.RoleARN, RoleSessionName: "interop",
	}
	if err := json.Unmarshal(r.Policy, &options.Policy); err != nil {
		return answer{}, err
	}
	var got *helper.CredentialResult
	var err error
	switch r.Action {
	case "GetFederationToken":
		got, err = client.GetCredential(options)
	case "AssumeRole":
		got, err = client.GetRoleCredential(options)
	default:
		got, err = client.AssumeRoleWithWebIdentity(&helper.WebIdentityOptions{
			Region: given.Region, DurationSeconds: int64(r.Seconds), RoleArn: r.RoleARN, RoleSessionName: "interop",
			ProviderId: r.Provider, WebIdentityToken: r.Identity,
		})
	}
	if err != nil {
		return answer{}, err
	}
	key := got.Credentials
	return answer{
		SecretID: key.TmpSecretID, SecretKey: key.TmpSecretKey, Token: key.SessionToken, ExpiresAt: int64(got.ExpiredTime),
	}, nil
}

// The keys that an instance has from its role. The SDK asks with Go's default client.
func metadata() (answer, error) {
	http.DefaultTransport.(*http.Transport).Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: given.Address})
	id, key, token, err := (&cos.CVMCredentialTransport{}).GetCredential()
	return answer{SecretID: id, SecretKey: key, Token: token}, err
}

func keys[Seconds int64 | uint64](given *sts.Credentials, end Seconds) answer {
	return answer{
		SecretID: *given.TmpSecretId, SecretKey: *given.TmpSecretKey, Token: *given.Token, ExpiresAt: int64(end),
	}
}

func (r request) header() *http.Header {
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	return &header
}

func (r request) version() []string {
	if r.VersionID == "" {
		return nil
	}
	return []string{r.VersionID}
}

// The caller says which names came back encoded; the SDK never decodes them.
func (r request) name(encoded string) string {
	if r.Plain {
		return encoded
	}
	name, err := cos.DecodeURIComponent(encoded)
	if err != nil {
		panic(err)
	}
	return name
}

func (r request) put(c *cos.Client) (*cos.Response, error) {
	body, err := os.Open(r.File)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var reader io.Reader = body
	if r.Stream {
		reader = io.MultiReader(body) // which does not tell its length
	}
	return c.Object.Put(ctx, r.Key, reader, &cos.ObjectPutOptions{
		ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{XOptionHeader: r.header()},
	})
}

func (r request) get(c *cos.Client) (*cos.Response, error) {
	response, err := c.Object.Get(ctx, r.Key, &cos.ObjectGetOptions{
		ResponseContentType:        r.Query["response-content-type"],
		ResponseContentLanguage:    r.Query["response-content-language"],
		ResponseExpires:            r.Query["response-expires"],
		ResponseCacheControl:       r.Query["response-cache-control"],
		ResponseContentDisposition: r.Query["response-content-disposition"],
		ResponseContentEncoding:    r.Query["response-content-encoding"],
		XOptionHeader:              r.header(),
	}, r.version()...)
	if err != nil {
		return response, err
	}
	defer response.Body.Close()
	into, err := os.Create(r.Into)
	if err != nil {
		return response, err
	}
	defer into.Close()
	_, err = io.Copy(into, response.Body)
	return response, err
}

func (r request) list(c *cos.Client, a *answer) (*cos.Response, error) {
	option := &cos.BucketGetOptions{
		Prefix: r.Prefix, Delimiter: r.Delimiter, MaxKeys: r.MaxKeys, EncodingType: "url",
	}
	if r.Plain {
		option.EncodingType = ""
	}
	for {
		page, response, err := c.Bucket.Get(ctx, option)
		if err != nil {
			return response, err
		}
		a.Pages++
		for _, entry := range page.Contents {
			a.Keys = append(a.Keys, r.name(entry.Key))
		}
		for _, prefix := range page.CommonPrefixes {
			a.Prefixes = append(a.Prefixes, r.name(prefix))
		}
		if !page.IsTruncated {
			return response, nil
		}
		option.Marker = r.name(page.NextMarker)
	}
}

func (r request) deleteMany(c *cos.Client, a *answer) (*cos.Response, error) {
	option := &cos.ObjectDeleteMultiOptions{Quiet: r.Quiet}
	for _, key := range r.Keys {
		option.Objects = append(option.Objects, cos.Object{Key: key})
	}
	for _, version := range r.Versions {
		option.Objects = append(option.Objects, cos.Object{Key: version[0], VersionId: version[1]})
	}
	result, response, err := c.Object.DeleteMulti(ctx, option)
	if err == nil {
		for _, entry := range result.DeletedObjects {
			a.Keys = append(a.Keys, entry.Key)
		}
	}
	return response, err
}

func (r request) source(c *cos.Client) string {
	return c.BaseURL.BucketURL.Host + "/" + r.Source
}

func (r request) copyOptions() *cos.ObjectCopyOptions {
	return &cos.ObjectCopyOptions{ObjectCopyHeaderOptions: &cos.ObjectCopyHeaderOptions{XOptionHeader: r.header()}}
}

func (r request) copy(c *cos.Client, a *answer) (*cos.Response, error) {
	var version []string
	if r.SourceVersion != "" {
		version = []string{r.SourceVersion}
	}
	result, response, err := c.Object.Copy(ctx, r.Key, r.source(c), r.copyOptions(), version...)
	if err == nil {
		a.VersionID = result.VersionId
	}
	return response, err
}

func (r request) uploadPart(c *cos.Client) (*cos.Response, error) {
	body, err := os.Open(r.File)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return c.Object.UploadPart(ctx, r.Key, r.UploadID, r.Number, body, nil)
}

func (r request) listParts(c *cos.Client, a *answer) (*cos.Response, error) {
	option := &cos.ObjectListPartsOptions{}
	if r.Max != 0 {
		option.MaxParts = strconv.Itoa(r.Max)
	}
	for {
		page, response, err := c.Object.ListParts(ctx, r.Key, r.UploadID, option)
		if err != nil {
			return response, err
		}
		a.Pages++
		for _, part := range page.Parts {
			a.Parts = append(a.Parts, [3]any{part.PartNumber, part.Size, part.ETag})
		}
		if !page.IsTruncated {
			return response, nil
		}
		option.PartNumberMarker = page.NextPartNumberMarker
	}
}

func (r request) listUploads(c *cos.Client, a *answer) (*cos.Response, error) {
	option := &cos.ObjectListUploadsOptions{Prefix: r.Prefix, EncodingType: "url", MaxUploads: r.Max}
	for {
		page, response, err := c.Object.ListUploads(ctx, option)
		if err != nil {
			return response, err
		}
		a.Pages++
		for _, upload := range page.Upload {
			a.Uploads = append(a.Uploads, [2]string{r.name(upload.Key), upload.UploadID})
		}
		if !page.IsTruncated {
			return response, nil
		}
		option.KeyMarker, option.UploadIdMarker = r.name(page.NextKeyMarker), page.NextUploadIdMarker
	}
}

func (r request) complete(c *cos.Client) (*cos.Response, error) {
	option := &cos.CompleteMultipartUploadOptions{}
	for _, part := range r.Parts {
		option.Parts = append(option.Parts, cos.Object{PartNumber: int(part[0].(float64)), ETag: part[1].(string)})
	}
	_, response, err := c.Object.CompleteMultipartUpload(ctx, r.Key, r.UploadID, option)
	return response, err
}

func (r request) append(c *cos.Client) (*cos.Response, error) {
	body, err := os.Open(r.File)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	_, response, err := c.Object.Append(ctx, r.Key, r.Position, body, nil)
	return response, err
}

func (r request) listVersions(c *cos.Client, a *answer) (*cos.Response, error) {
	option := &cos.BucketGetObjectVersionsOptions{
		Prefix: r.Prefix, Delimiter: r.Delimiter, EncodingType: "url", MaxKeys: r.Max,
	}
	for {
		page, response, err := c.Bucket.GetObjectVersions(ctx, option)
		if err != nil {
			return response, err
		}
		a.Pages++
		for _, version := range page.Version {
			a.Versions = append(a.Versions, [2]string{r.name(version.Key), version.VersionId})
		}
		for _, marker := range page.DeleteMarker {
			a.Markers = append(a.Markers, r.name(marker.Key))
		}
		for _, prefix := range page.CommonPrefixes {
			a.Prefixes = append(a.Prefixes, r.name(prefix))
		}
		if !page.IsTruncated {
			return response, nil
		}
		option.KeyMarker, option.VersionIdMarker = r.name(page.NextKeyMarker), page.NextVersionIdMarker
	}
}

// Of the bucket, when there is no key; as the two below.
func (r request) putTags(c *cos.Client) (*cos.Response, error) {
	if r.Key == "" {
		option := &cos.BucketPutTaggingOptions{}
		for _, tag := range r.Tags {
			option.TagSet = append(option.TagSet, cos.BucketTaggingTag{Key: tag[0], Value: tag[1]})
		}
		return c.Bucket.PutTagging(ctx, option)
	}
	option := &cos.ObjectPutTaggingOptions{}
	for _, tag := range r.Tags {
		option.TagSet = append(option.TagSet, cos.ObjectTaggingTag{Key: tag[0], Value: tag[1]})
	}
	return c.Object.PutTagging(ctx, r.Key, option, r.version()...)
}

// The version, as the two calls take it that take anything.
func (r request) anyVersion() []any {
	if r.VersionID == "" {
		return nil
	}
	return []any{r.VersionID}
}

func (r request) getTags(c *cos.Client, a *answer) (*cos.Response, error) {
	if r.Key == "" {
		result, response, err := c.Bucket.GetTagging(ctx)
		if err == nil {
			for _, tag := range result.TagSet {
				a.Tags = append(a.Tags, [2]string{tag.Key, tag.Value})
			}
		}
		return response, err
	}
	result, response, err := c.Object.GetTagging(ctx, r.Key, r.anyVersion()...)
	if err == nil {
		for _, tag := range result.TagSet {
			a.Tags = append(a.Tags, [2]string{tag.Key, tag.Value})
		}
	}
	return response, err
}

func (r request) selectContent(c *cos.Client, a *answer) error {
	input := &cos.SelectInputSerialization{CompressionType: "NONE"}
	if r.Header == "" {
		input.JSON = &cos.JSONInputSerialization{Type: "LINES"}
	} else {
		input.CSV = &cos.CSVInputSerialization{FileHeaderInfo: r.Header, RecordDelimiter: "\n", FieldDelimiter: ",",
			QuoteCharacter: "\"", QuoteEscapeCharacter: "\"", Comments: "#", AllowQuotedRecordDelimiter: "FALSE"}
	}
	output := &cos.SelectOutputSerialization{}
	if r.JSON {
		output.JSON = &cos.JSONOutputSerialization{RecordDelimiter: "\n"}
	} else {
		output.CSV = &cos.CSVOutputSerialization{QuoteFields: "ASNEEDED", RecordDelimiter: "\n", FieldDelimiter: ","}
	}
	results, err := c.Object.Select(ctx, r.Key, &cos.ObjectSelectOptions{
		Expression: r.Expression, ExpressionType: "SQL", InputSerialization: input, OutputSerialization: output,
		RequestProgress: "TRUE",
	})
	if err != nil {
		return err
	}
	defer results.Close()
	read, err := io.ReadAll(results)
	if err != nil {
		return err
	}
	a.Returned = results.(*cos.ObjectSelectResponse).Frame.StatsFrame.BytesReturned
	return os.WriteFile(r.Into, read, 0o600)
}

// Of the bucket, when there is no key; a list goes as XML.
func (r request) putACL(c *cos.Client) (*cos.Response, error) {
	var header *cos.ACLHeaderOptions
	var body *cos.ACLXml
	if r.ACL != "" {
		header = &cos.ACLHeaderOptions{XCosACL: r.ACL}
	}
	if r.Grants != nil {
		body = &cos.ACLXml{Owner: &cos.Owner{ID: r.Owner}}
		for _, grant := range r.Grants {
			body.AccessControlList = append(body.AccessControlList, cos.ACLGrant{
				Permission: grant[0], Grantee: &cos.ACLGrantee{Type: "CanonicalUser", ID: grant[1]},
			})
		}
	}
	if r.Key == "" {
		return c.Bucket.PutACL(ctx, &cos.BucketPutACLOptions{Header: header, Body: body})
	}
	return c.Object.PutACL(ctx, r.Key, &cos.ObjectPutACLOptions{Header: header, Body: body}, r.version()...)
}

func (r request) getACL(c *cos.Client, a *answer) (response *cos.Response, err error) {
	var result *cos.ACLXml
	if r.Key == "" {
		result, response, err = c.Bucket.GetACL(ctx)
	} else {
		result, response, err = c.Object.GetACL(ctx, r.Key, r.version()...)
	}
	if err == nil {
		a.ACL = response.Header.Get("x-cos-acl")
		for _, grant := range result.AccessControlList {
			who := grant.Grantee.ID
			if who == "" {
				who = grant.Grantee.URI
			}
			a.Grants = append(a.Grants, [2]string{grant.Permission, who})
		}
	}
	return response, err
}

func (r request) presign(c *cos.Client, a *answer) error {
	query := url.Values{}
	for name, value := range r.Query {
		query.Set(name, value)
	}
	option := &cos.PresignedURLOptions{Query: &query, Header: r.header(), SignMerged: r.Merged}
	expires := time.Duration(r.Expires) * time.Second
	signed, err := c.Object.GetPresignedURL2(ctx, r.Method, r.Key, expires, option)
	if err == nil {
		a.URL = signed.String()
	}
	return err
}

func (r request) putCors(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutCORSOptions{}
	for _, it := range r.Rules {
		options.Rules = append(options.Rules, cos.BucketCORSRule{
			ID: it.ID, AllowedMethods: it.Methods, AllowedOrigins: it.Origins, AllowedHeaders: it.Headers,
			MaxAgeSeconds: it.MaxAge, ExposeHeaders: it.Expose,
		})
	}
	return c.Bucket.PutCORS(ctx, options)
}

func (r request) getCors(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetCORS(ctx)
	if err == nil {
		for _, it := range found.Rules {
			a.Rules = append(a.Rules, rule{
				ID: it.ID, Origins: it.AllowedOrigins, Methods: it.AllowedMethods, Headers: it.AllowedHeaders,
				Expose: it.ExposeHeaders, MaxAge: it.MaxAgeSeconds,
			})
		}
	}
	return response, err
}

func (r request) putWebsite(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutWebsiteOptions{Index: r.Website.Index}
	if r.Website.Error != "" {
		options.Error = &cos.ErrorDocument{Key: r.Website.Error}
	}
	for _, it := range r.Website.Rules {
		rule := cos.WebsiteRoutingRule{
			ConditionPrefix: it.Prefix, RedirectReplaceKey: it.Key, RedirectReplaceKeyPrefix: it.ReplacePrefix,
		}
		if it.ErrorCode != 0 {
			rule.ConditionErrorCode = strconv.Itoa(it.ErrorCode)
		}
		if it.HTTPS {
			rule.RedirectProtocol = "https"
		}
		if options.RoutingRules == nil {
			options.RoutingRules = &cos.WebsiteRoutingRules{}
		}
		options.RoutingRules.Rules = append(options.RoutingRules.Rules, rule)
	}
	return c.Bucket.PutWebsite(ctx, options)
}

func (r request) getWebsite(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetWebsite(ctx)
	if err != nil {
		return response, err
	}
	a.Website = &website{Index: found.Index}
	if found.Error != nil {
		a.Website.Error = found.Error.Key
	}
	if found.RoutingRules != nil {
		for _, it := range found.RoutingRules.Rules {
			code, _ := strconv.Atoi(it.ConditionErrorCode)
			a.Website.Rules = append(a.Website.Rules, redirect{
				ErrorCode: code, Prefix: it.ConditionPrefix, Key: it.RedirectReplaceKey,
				ReplacePrefix: it.RedirectReplaceKeyPrefix, HTTPS: it.RedirectProtocol == "https",
			})
		}
	}
	return response, err
}

func (r request) putReferer(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutRefererOptions{
		Status: "Disabled", RefererType: r.Referer.List, DomainList: r.Referer.Domains, EmptyReferConfiguration: "Deny",
	}
	if r.Referer.Enabled {
		options.Status = "Enabled"
	}
	if r.Referer.AllowEmpty {
		options.EmptyReferConfiguration = "Allow"
	}
	return c.Bucket.PutReferer(ctx, options)
}

func (r request) getReferer(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetReferer(ctx)
	if err == nil {
		a.Referer = &referer{
			Enabled: found.Status == "Enabled", List: found.RefererType, Domains: found.DomainList,
			AllowEmpty: found.EmptyReferConfiguration == "Allow",
		}
	}
	return response, err
}

var frequencies = map[string]string{"day": "Daily", "week": "Weekly"}

func (r request) putInventory(c *cos.Client, once bool) (*cos.Response, error) {
	said := r.Inventory
	place := &cos.BucketInventoryDestination{
		Bucket: said.To, AccountId: said.Account, Prefix: said.Into, Format: "CSV",
	}
	if said.Encrypted {
		place.Encryption = &cos.BucketInventoryEncryption{}
	}
	fields := &cos.BucketInventoryOptionalFields{BucketInventoryFields: said.Fields}
	var filter *cos.BucketInventoryFilter
	if said.Prefix != "" {
		filter = &cos.BucketInventoryFilter{Prefix: said.Prefix}
	}
	if once {
		return c.Bucket.PostInventory(ctx, said.ID, &cos.BucketPostInventoryOptions{
			ID: said.ID, IncludedObjectVersions: said.Versions, Filter: filter, OptionalFields: fields, Destination: place,
		})
	}
	return c.Bucket.PutInventory(ctx, said.ID, &cos.BucketPutInventoryOptions{
		ID: said.ID, IsEnabled: strconv.FormatBool(said.Enabled), IncludedObjectVersions: said.Versions, Filter: filter,
		OptionalFields: fields, Schedule: &cos.BucketInventorySchedule{Frequency: frequencies[said.Every]},
		Destination: place,
	})
}

func inventoryOf(found cos.BucketPutInventoryOptions) inventory {
	place := found.Destination
	told := inventory{
		ID: found.ID, Enabled: found.IsEnabled == "true", Versions: found.IncludedObjectVersions, To: place.Bucket,
		Into: place.Prefix, Account: place.AccountId, Encrypted: place.Encryption != nil,
	}
	for every, frequency := range frequencies {
		if found.Schedule.Frequency == frequency {
			told.Every = every
		}
	}
	if found.Filter != nil {
		told.Prefix = found.Filter.Prefix
	}
	if found.OptionalFields != nil {
		told.Fields = found.OptionalFields.BucketInventoryFields
	}
	return told
}

func (r request) listInventories(c *cos.Client, a *answer) (*cos.Response, error) {
	for token := ""; ; {
		page, response, err := c.Bucket.ListInventoryConfigurations(ctx, token)
		if err != nil {
			return response, err
		}
		for _, found := range page.InventoryConfigurations {
			a.Inventories = append(a.Inventories, inventoryOf(cos.BucketPutInventoryOptions(found)))
		}
		if !page.IsTruncated {
			return response, nil
		}
		token = page.NextContinuationToken
	}
}

func (r request) putTiering(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutIntelligentTieringOptions{Id: r.Tiering.ID, Status: "Disabled"}
	if r.Tiering.Enabled {
		options.Status = "Enabled"
	}
	if r.Tiering.Prefix != "" {
		options.Filter = &cos.BucketIntelligentTieringFilter{Prefix: r.Tiering.Prefix}
	}
	for _, tier := range r.Tiering.Tiers {
		given := &cos.BucketIntelligentTieringTransition{AccessTier: tier[0].(string), Days: int(tier[1].(float64))}
		if given.AccessTier == "INFREQUENT" {
			given.RequestFrequent = 1
		}
		options.Tiering = append(options.Tiering, given)
	}
	return c.Bucket.PutIntelligentTieringV2(ctx, options)
}

func tieringOf(id, status string, filter *cos.BucketIntelligentTieringFilter, tiers []*cos.BucketIntelligentTieringTransition) tiering {
	told := tiering{ID: id, Enabled: status == "Enabled"}
	if filter != nil {
		told.Prefix = filter.Prefix
	}
	for _, tier := range tiers {
		told.Tiers = append(told.Tiers, [2]any{tier.AccessTier, tier.Days})
	}
	return told
}

func (r request) putLogging(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutLoggingOptions{}
	if r.Logging != nil {
		options.LoggingEnabled = &cos.BucketLoggingEnabled{TargetBucket: r.Logging.Bucket, TargetPrefix: r.Logging.Prefix}
	}
	return c.Bucket.PutLogging(ctx, options)
}

func (r request) getLogging(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetLogging(ctx)
	if err == nil && found.LoggingEnabled != nil {
		a.Logging = &logging{Bucket: found.LoggingEnabled.TargetBucket, Prefix: found.LoggingEnabled.TargetPrefix}
	}
	return response, err
}

func (r request) putReplication(c *cos.Client) (*cos.Response, error) {
	options := &cos.PutBucketReplicationOptions{Role: r.Rules[0].Role}
	for _, it := range r.Rules {
		given := cos.BucketReplicationRule{
			ID: it.ID, Status: "Disabled", Prefix: it.Prefix,
			Destination: &cos.ReplicationDestination{Bucket: "qcs::cos:" + it.Region + "::" + it.Bucket},
		}
		if it.Enabled {
			given.Status = "Enabled"
		}
		options.Rule = append(options.Rule, given)
	}
	return c.Bucket.PutBucketReplication(ctx, options)
}

func (r request) getReplication(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetBucketReplication(ctx)
	if err == nil {
		for _, it := range found.Rule {
			place := strings.Split(it.Destination.Bucket, ":")
			a.Rules = append(a.Rules, rule{
				Role: found.Role, ID: it.ID, Enabled: it.Status == "Enabled", Prefix: it.Prefix,
				Region: place[3], Bucket: place[5],
			})
		}
	}
	return response, err
}

func (r request) putDomains(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutDomainOptions{}
	for _, it := range r.Domains {
		rule := cos.BucketDomainRule{Status: "DISABLED", Name: it.Name, Type: it.To}
		if it.Enabled {
			rule.Status = "ENABLED"
		}
		options.Rules = append(options.Rules, rule)
	}
	return c.Bucket.PutDomain(ctx, options)
}

func (r request) getDomains(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetDomain(ctx)
	if err != nil {
		return response, err
	}
	for _, it := range found.Rules {
		a.Domains = append(a.Domains, domain{Name: it.Name, Enabled: it.Status == "ENABLED", To: it.Type})
	}
	return response, nil
}

func (r request) putCertificate(c *cos.Client) (*cos.Response, error) {
	cert, err := os.ReadFile(r.Cert)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(r.PrivateKey)
	if err != nil {
		return nil, err
	}
	return c.Bucket.PutDomainCertificate(ctx, &cos.BucketPutDomainCertificateOptions{
		CertificateInfo: &cos.BucketDomainCertificateInfo{
			CertType:   "CustomCert",
			CustomCert: &cos.BucketDomainCustomCert{Cert: string(cert), PrivateKey: string(key)},
		},
		DomainList: []string{r.Domain},
	})
}

func (r request) getCertificate(c *cos.Client, a *answer) (*cos.Response, error) {
	options := &cos.BucketGetDomainCertificateOptions{DomainName: r.Domain}
	found, response, err := c.Bucket.GetDomainCertificate(ctx, options)
	if err == nil {
		a.Certificate = &certificate{Enabled: found.Status == "Enabled"}
		if found.CertificateInfo != nil {
			a.Expires = found.CertificateInfo.ValidityExpire
		}
	}
	return response, err
}

func (r request) putOrigins(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutOriginOptions{}
	for _, it := range r.Origins {
		rule := cos.BucketOriginRule{
			RulePriority: it.Priority, OriginType: it.Type,
			OriginCondition: &cos.BucketOriginCondition{HTTPStatusCode: strconv.Itoa(it.Status), Prefix: it.Prefix},
			OriginParameter: &cos.BucketOriginParameter{Protocol: it.Protocol},
			OriginInfo:      &cos.BucketOriginInfo{},
		}
		if it.Headers != nil {
			rule.OriginParameter.HttpHeader = &cos.BucketOriginHttpHeader{
				NewHttpHeaders: named(it.Headers.New, "v"), FollowHttpHeaders: named(it.Headers.Follow, ""),
			}
		}
		for _, host := range it.Hosts {
			given := &cos.BucketOriginHostInfo{HostName: host.Name, Weight: host.Weight}
			rule.OriginInfo.HostInfos = append(rule.OriginInfo.HostInfos, given)
		}
		options.Rule = append(options.Rule, rule)
	}
	return c.Bucket.PutOrigin(ctx, options)
}

func named(names []string, value string) []cos.OriginHttpHeader {
	var all []cos.OriginHttpHeader
	for _, name := range names {
		all = append(all, cos.OriginHttpHeader{Key: name, Value: value})
	}
	return all
}

func names(all []cos.OriginHttpHeader) []string {
	var names []string
	for _, header := range all {
		names = append(names, header.Key)
	}
	return names
}

func (r request) getOrigins(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetOrigin(ctx)
	if err != nil {
		return response, err
	}
	for _, it := range found.Rule {
		status, _ := strconv.Atoi(it.OriginCondition.HTTPStatusCode)
		told := origin{
			Priority: it.RulePriority, Type: it.OriginType, Status: status, Prefix: it.OriginCondition.Prefix,
			Protocol: it.OriginParameter.Protocol,
		}
		if sent := it.OriginParameter.HttpHeader; sent != nil {
			told.Headers = &headers{New: names(sent.NewHttpHeaders), Follow: names(sent.FollowHttpHeaders)}
		}
		for _, one := range it.OriginInfo.HostInfos {
			told.Hosts = append(told.Hosts, host{Name: one.HostName, Weight: one.Weight})
		}
		a.Origins = append(a.Origins, told)
	}
	return response, nil
}

func (r request) putLifecycle(c *cos.Client) (*cos.Response, error) {
	options := &cos.BucketPutLifecycleOptions{}
	for _, it := range r.Rules {
		given := cos.BucketLifecycleRule{ID: it.ID, Status: "Disabled", Filter: &cos.BucketLifecycleFilter{Prefix: it.Prefix}}
		if it.Enabled {
			given.Status = "Enabled"
		}
		for _, change := range it.Transitions {
			given.Transition = append(given.Transition,
				cos.BucketLifecycleTransition{Days: change.Days, StorageClass: change.StorageClass})
		}
		if it.Expiration != nil {
			given.Expiration = &cos.BucketLifecycleExpiration{Days: it.Expiration.Days}
		}
		if it.AbortUploads != 0 {
			given.AbortIncompleteMultipartUpload =
				&cos.BucketLifecycleAbortIncompleteMultipartUpload{DaysAfterInitiation: it.AbortUploads}
		}
		options.Rules = append(options.Rules, given)
	}
	return c.Bucket.PutLifecycle(ctx, options)
}

func (r request) getLifecycle(c *cos.Client, a *answer) (*cos.Response, error) {
	found, response, err := c.Bucket.GetLifecycle(ctx)
	if err != nil {
		return response, err
	}
	for _, it := range found.Rules {
		read := rule{ID: it.ID, Enabled: it.Status == "Enabled"}
		if it.Filter != nil {
			read.Prefix = it.Filter.Prefix
		}
		for _, change := range it.Transition {
			read.Transitions = append(read.Transitions, transition{change.Days, change.StorageClass})
		}
		if it.Expiration != nil {
			read.Expiration = &expiration{it.Expiration.Days}
		}
		if it.AbortIncompleteMultipartUpload != nil {
			read.AbortUploads = it.AbortIncompleteMultipartUpload.DaysAfterInitiation
		}
		a.Rules = append(a.Rules, read)
	}
	return response, nil
}

func (r request) answer() (a answer) {
	defer func() {
		if reason := recover(); reason != nil {
			a = answer{Error: fmt.Sprint("panic: ", reason)}
		}
	}()
	switch r.Verb {
	case "client":
		use(r)
		return
	case "metadata":
		key, err := metadata()
		if err != nil {
			return answer{Error: err.Error()}
		}
		return key
	case "sts":
		key, err := r.sts()
		var refused *cloud.TencentCloudSDKError
		var refusedHelper *helper.CredentialError
		if errors.As(err, &refused) {
			return answer{Error: err.Error(), Status: 200, Code: refused.Code, RequestID: refused.RequestId}
		} else if errors.As(err, &refusedHelper) {
			return answer{Error: err.Error(), Status: 200, Code: refusedHelper.Code, RequestID: refusedHelper.RequestId}
		} else if err != nil {
			return answer{Error: err.Error()}
		}
		return key
	}
	var response *cos.Response
	var err error
	c := r.client()
	switch r.Verb {
	case "put":
		response, err = r.put(c)
	case "get":
		response, err = r.get(c)
	case "head":
		response, err = c.Object.Head(ctx, r.Key, &cos.ObjectHeadOptions{XOptionHeader: r.header()}, r.version()...)
	case "delete":
		response, err = c.Object.Delete(ctx, r.Key, &cos.ObjectDeleteOptions{VersionId: r.VersionID})
	case "list":
		response, err = r.list(c, &a)
	case "delete_many":
		response, err = r.deleteMany(c, &a)
	case "copy":
		response, err = r.copy(c, &a)
	case "copy_large":
		_, response, err = c.Object.MultiCopy(ctx, r.Key, r.source(c), &cos.MultiCopyOptions{
			OptCopy: r.copyOptions(), PartSize: 1,
		})
	case "initiate":
		var started *cos.InitiateMultipartUploadResult
		started, response, err = c.Object.InitiateMultipartUpload(ctx, r.Key, &cos.InitiateMultipartUploadOptions{
			ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{XOptionHeader: r.header()},
		})
		if err == nil {
			a.UploadID = started.UploadID
		}
	case "upload_part":
		response, err = r.uploadPart(c)
	case "copy_part":
		var copied *cos.CopyPartResult
		copied, response, err = c.Object.CopyPart(ctx, r.Key, r.UploadID, r.Number, r.source(c),
			&cos.ObjectCopyPartOptions{XCosCopySourceRange: r.Range})
		if err == nil {
			response.Header.Set("ETag", copied.ETag)
		}
	case "put_acl":
		response, err = r.putACL(c)
	case "get_acl":
		response, err = r.getACL(c, &a)
	case "put_tags":
		response, err = r.putTags(c)
	case "get_tags":
		response, err = r.getTags(c, &a)
	case "delete_tags":
		if r.Key == "" {
			response, err = c.Bucket.DeleteTagging(ctx)
		} else {
			response, err = c.Object.DeleteTagging(ctx, r.Key, r.anyVersion()...)
		}
	case "select":
		err = r.selectContent(c, &a)
	case "restore":
		response, err = c.Object.PostRestore(ctx, r.Key, &cos.ObjectRestoreOptions{
			Days: r.Days, Tier: &cos.CASJobParameters{Tier: r.Tier},
		}, r.version()...)
	case "list_parts":
		response, err = r.listParts(c, &a)
	case "list_uploads":
		response, err = r.listUploads(c, &a)
	case "complete":
		response, err = r.complete(c)
	case "abort":
		response, err = c.Object.AbortMultipartUpload(ctx, r.Key, r.UploadID)
	case "upload":
		_, response, err = c.Object.Upload(ctx, r.Key, r.File, &cos.MultiUploadOptions{PartSize: 1, CheckPoint: true})
	case "download":
		response, err = c.Object.Download(ctx, r.Key, r.Into, &cos.MultiDownloadOptions{PartSize: 1})
	case "append":
		response, err = r.append(c)
	case "set_versioning":
		response, err = c.Bucket.PutVersioning(ctx, &cos.BucketPutVersionOptions{Status: r.Status})
	case "put_cors":
		response, err = r.putCors(c)
	case "get_cors":
		response, err = r.getCors(c, &a)
	case "delete_cors":
		response, err = c.Bucket.DeleteCORS(ctx)
	case "put_encryption":
		response, err = c.Bucket.PutEncryption(ctx, &cos.BucketPutEncryptionOptions{
			Rule: &cos.BucketEncryptionConfiguration{SSEAlgorithm: r.Algorithm},
		})
	case "get_encryption":
		var found *cos.BucketGetEncryptionResult
		found, response, err = c.Bucket.GetEncryption(ctx)
		if err == nil {
			a.Algorithm = found.Rule.SSEAlgorithm
		}
	case "delete_encryption":
		response, err = c.Bucket.DeleteEncryption(ctx)
	case "put_policy":
		policy := cos.BucketPutPolicyOptions{}
		if err = json.Unmarshal(r.Policy, &policy); err == nil {
			response, err = c.Bucket.PutPolicy(ctx, &policy)
		}
	case "get_policy":
		a.Policy, response, err = c.Bucket.GetPolicy(ctx)
	case "delete_policy":
		response, err = c.Bucket.DeletePolicy(ctx)
	case "put_website":
		response, err = r.putWebsite(c)
	case "get_website":
		response, err = r.getWebsite(c, &a)
	case "delete_website":
		response, err = c.Bucket.DeleteWebsite(ctx)
	case "put_referer":
		response, err = r.putReferer(c)
	case "get_referer":
		response, err = r.getReferer(c, &a)
	case "put_lock":
		response, err = c.Bucket.PutObjectLockConfiguration(ctx, &cos.BucketPutObjectLockOptions{
			ObjectLockEnabled: "Enabled", Rule: &cos.ObjectLockRule{Days: r.Days},
		})
	case "get_lock":
		var found *cos.BucketGetObjectLockResult
		found, response, err = c.Bucket.GetObjectLockConfiguration(ctx)
		if err == nil && found.Rule != nil {
			a.Lock = found.Rule.Days
		}
	case "put_retention":
		response, err = c.Object.PutRetention(ctx, r.Key, &cos.ObjectPutRetentionOptions{
			RetainUntilDate: r.Until, Mode: "COMPLIANCE",
		})
	case "get_retention":
		var found *cos.ObjectGetRetentionResult
		found, response, err = c.Object.GetRetention(ctx, r.Key, nil)
		if err == nil {
			a.Until = found.RetainUntilDate
		}
	case "delete_referer":
		response, err = c.Bucket.DeleteReferer(ctx)
	case "put_inventory":
		response, err = r.putInventory(c, false)
	case "post_inventory":
		response, err = r.putInventory(c, true)
	case "get_inventory":
		var found *cos.BucketGetInventoryResult
		if found, response, err = c.Bucket.GetInventory(ctx, r.ID); err == nil {
			a.Inventories = []inventory{inventoryOf(cos.BucketPutInventoryOptions(*found))}
		}
	case "list_inventories":
		response, err = r.listInventories(c, &a)
	case "delete_inventory":
		response, err = c.Bucket.DeleteInventory(ctx, r.ID)
	case "put_tiering":
		response, err = r.putTiering(c)
	case "get_tiering":
		var found *cos.BucketGetIntelligentTieringResult
		if found, response, err = c.Bucket.GetIntelligentTieringV2(ctx, r.ID); err == nil {
			a.Tierings = []tiering{tieringOf(found.Id, found.Status, found.Filter, found.Tiering)}
		}
	case "list_tierings":
		var found *cos.ListIntelligentTieringConfigurations
		if found, response, err = c.Bucket.ListIntelligentTiering(ctx); err == nil {
			for _, it := range found.Configurations {
				a.Tierings = append(a.Tierings, tieringOf(it.Id, it.Status, it.Filter, it.Tiering))
			}
		}
	case "delete_tiering":
		response, err = c.Bucket.DeleteIntelligentTiering(ctx, r.ID)
	case "turn_tiering_on":
		response, err = c.Bucket.PutIntelligentTiering(ctx, &cos.BucketPutIntelligentTieringOptions{
			Status: "Enabled", Transition: &cos.BucketIntelligentTieringTransition{Days: r.Days},
		})
	case "tiering_is_on":
		var found *cos.BucketGetIntelligentTieringResult
		if found, response, err = c.Bucket.GetIntelligentTiering(ctx); err == nil && found.Transition != nil {
			a.Keys = []string{strconv.Itoa(found.Transition.Days)}
		}
	case "put_symlink":
		response, err = c.Object.PutSymlink(ctx, r.Key, &cos.ObjectPutSymlinkOptions{SymlinkTarget: r.Target})
	case "get_symlink":
		a.Target, response, err = c.Object.GetSymlink(ctx, r.Key, nil)
	case "put_accelerate":
		response, err = c.Bucket.PutAccelerate(ctx, &cos.BucketPutAccelerateOptions{Status: r.Status})
	case "get_accelerate":
		var found *cos.BucketGetAccelerateResult
		found, response, err = c.Bucket.GetAccelerate(ctx)
		if err == nil {
			a.Global = &accelerate{Enabled: found.Status == "Enabled"}
		}
	case "put_logging":
		response, err = r.putLogging(c)
	case "get_logging":
		response, err = r.getLogging(c, &a)
	case "put_replication":
		response, err = r.putReplication(c)
	case "get_replication":
		response, err = r.getReplication(c, &a)
	case "delete_replication":
		response, err = c.Bucket.DeleteBucketReplication(ctx)
	case "put_domains":
		response, err = r.putDomains(c)
	case "get_domains":
		response, err = r.getDomains(c, &a)
	case "delete_domains":
		response, err = c.Bucket.DeleteDomain(ctx)
	case "put_certificate":
		response, err = r.putCertificate(c)
	case "get_certificate":
		response, err = r.getCertificate(c, &a)
	case "delete_certificate":
		options := &cos.BucketDeleteDomainCertificateOptions{DomainName: r.Domain}
		response, err = c.Bucket.DeleteDomainCertificate(ctx, options)
	case "put_origins":
		response, err = r.putOrigins(c)
	case "get_origins":
		response, err = r.getOrigins(c, &a)
	case "delete_origins":
		response, err = c.Bucket.DeleteOrigin(ctx)
	case "location":
		var found *cos.BucketGetLocationResult
		found, response, err = c.Bucket.GetLocation(ctx)
		if err == nil {
			a.Location = found.Location
		}
	case "options":
		response, err = c.Object.Options(ctx, r.Key, &cos.ObjectOptionsOptions{
			Origin: r.Origin, AccessControlRequestMethod: r.Method, AccessControlRequestHeaders: r.Asks,
		})
	case "put_lifecycle":
		response, err = r.putLifecycle(c)
	case "get_lifecycle":
		response, err = r.getLifecycle(c, &a)
	case "delete_lifecycle":
		response, err = c.Bucket.DeleteLifecycle(ctx)
	case "list_versions":
		response, err = r.listVersions(c, &a)
	case "presign":
		err = r.presign(c, &a)
	case "create_bucket":
		response, err = c.Bucket.Put(ctx, nil)
	case "head_bucket":
		response, err = c.Bucket.Head(ctx)
	case "delete_bucket":
		response, err = c.Bucket.Delete(ctx)
	case "list_buckets":
		var service *cos.ServiceGetResult
		service, response, err = c.Service.Get(ctx)
		if err == nil {
			for _, bucket := range service.Buckets {
				a.Buckets = append(a.Buckets, [2]string{bucket.Name, bucket.Region})
			}
		}
	default:
		err = errors.New("this driver has no verb " + r.Verb)
	}
	if response != nil {
		a.Status = response.StatusCode
		a.Headers = map[string]string{}
		for name := range response.Header {
			a.Headers[strings.ToLower(name)] = response.Header.Get(name)
		}
	}
	if err != nil {
		a.Error = err.Error()
		if refused, ok := cos.IsCOSError(err); ok {
			a.Code, a.RequestID, a.Status = refused.Code, refused.RequestID, refused.Response.StatusCode
			if a.RequestID == "" { // HEAD and 304 have no body to read it from
				a.RequestID = a.Headers["x-cos-request-id"]
			}
		}
	}
	return
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		if err := answers.Encode(r.answer()); err != nil {
			panic(err)
		}
	}
}
