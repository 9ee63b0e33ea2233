// Drives cos_api and cos-sts_api: one JSON request a line on stdin, one JSON answer a line on stdout.

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.qcloud.cos.COSClient;
import com.qcloud.cos.ClientConfig;
import com.qcloud.cos.auth.AnonymousCOSCredentials;
import com.qcloud.cos.auth.BasicCOSCredentials;
import com.qcloud.cos.auth.BasicSessionCredentials;
import com.qcloud.cos.endpoint.EndpointResolver;
import com.qcloud.cos.endpoint.UserSpecifiedEndpointBuilder;
import com.qcloud.cos.exception.CosServiceException;
import com.qcloud.cos.http.HttpMethodName;
import com.qcloud.cos.http.HttpProtocol;
import com.qcloud.cos.internal.CosServiceRequest;
import com.qcloud.cos.model.*;
import com.qcloud.cos.model.IntelligentTiering.BucketIntelligentTieringConfiguration;
import com.qcloud.cos.model.inventory.*;
import com.qcloud.cos.model.bucketcertificate.BucketDomainCertificateInfo;
import com.qcloud.cos.model.bucketcertificate.BucketPutDomainCertificate;
import com.qcloud.cos.model.lifecycle.LifecycleFilter;
import com.qcloud.cos.model.lifecycle.LifecyclePrefixPredicate;
import com.qcloud.cos.region.Region;
import com.qcloud.cos.transfer.TransferManager;
import com.qcloud.cos.transfer.TransferManagerConfiguration;
import com.qcloud.cos.utils.DateUtils;
import com.tencent.cloud.CosStsClient;
import com.tencent.cloud.Scope;
import com.tencent.cloud.assumerole.AssumeRoleParam;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.*;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Driver {
    static class Request {
        public String verb, bucket, key, file, into, method, prefix, delimiter;
        public String address, route, region, secret_id, secret_key, token;
        public String source, source_version, range, upload_id, version_id, status;
        public int max_keys, expires, number, max;
        public long position;
        public boolean plain, merged, quiet, anonymous, stream;
        public List<List<String>> versions = List.of();
        public List<String> keys = List.of();
        public String by, action, role_arn, ca;
        public List<String> actions, prefixes;
        public Map<String, Object> policy;
        public boolean scope;
        public int seconds, days;
        public String tier;
        public List<List<String>> tags, grants;
        public String acl, owner, algorithm;
        public List<List<Object>> parts;
        public List<Rule> rules;
        public Website website;
        public Referer referer;
        public String id;
        public Inventory inventory;
        public Logging logging;
        public String target;
        public List<Domain> domains;
        public String domain, cert, private_key;
        public String expression, header;
        public boolean json;
        public Map<String, String> headers = new TreeMap<>(), query = new TreeMap<>();

        /** Gives every header the request type has no setter for; what is left over went unsigned. */
        <T extends CosServiceRequest> T dress(T request) {
            headers.forEach(request::putCustomRequestHeader);
            return request;
        }

        /** The customer's key, which the SDK must know of: it compares the MD5 of anything else. It adds the digest. */
        SSECustomerKey customerKey() {
            String prefix = "x-cos-server-side-encryption-customer-", key = headers.remove(prefix + "key");
            headers.keySet().removeIf(name -> name.startsWith(prefix));
            return key == null ? null : new SSECustomerKey(key);
        }
    }

    /** Of CORS, of a lifecycle or of replication. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    static class Rule {
        public String id, prefix;
        public List<String> origins, methods, headers, expose;
        public int max_age, abort_uploads;
        public boolean enabled;
        public List<Map<String, Object>> transitions;
        public Map<String, Integer> expiration;
        public String role, region, bucket;
    }

    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    static class Website {
        public String index, error;
        public List<Redirect> rules = new ArrayList<>();
    }

    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    static class Redirect {
        public Integer error_code;
        public String prefix, key, replace_prefix;
        public Boolean https;
    }

    static class Referer {
        public boolean enabled, allow_empty;
        public String list;
        public List<String> domains;
    }

    static class Inventory {
        public String id, every, versions, prefix, to, into, account;
        public boolean enabled, encrypted;
        public List<String> fields;
    }

    static class Logging {
        public String bucket, prefix;
    }

    static class Domain {
        public String name, to;
        public boolean enabled;
    }

    private COSClient cos;
    private Region given;
    private Request client;

    private Map<String, Object> client(Request r) {
        client = r;
        int colon = r.address.lastIndexOf(':');
        given = new Region(r.region);
        ClientConfig config = new ClientConfig(given);
        config.setHttpProtocol(HttpProtocol.http);
        // Otherwise these two answers become a bare null.
        config.setThrow304Directly(true);
        config.setThrow412Directly(true);
        if (r.route.equals("proxy")) {
            config.setHttpProxyIp(r.address.substring(0, colon));
            config.setHttpProxyPort(Integer.parseInt(r.address.substring(colon + 1)));
        } else {
            config.setEndpointResolver(new EndpointResolver() {
                public String resolveGeneralApiEndpoint(String host) { return r.address; }
                public String resolveGetServiceApiEndpoint(String host) { return r.address; }
            });
        }
        if (r.domain != null) {
            config.setEndpointBuilder(new UserSpecifiedEndpointBuilder(r.domain, "service.cos.myqcloud.com"));
        }
        if (cos != null) {
            cos.shutdown();
        }
        cos = new COSClient(r.anonymous ? new AnonymousCOSCredentials() : r.token == null
                ? new BasicCOSCredentials(r.secret_id, r.secret_key)
                : new BasicSessionCredentials(r.secret_id, r.secret_key, r.token), config);
        return Map.of();
    }

    /** The helper speaks nothing but TLS: it is pointed at the port itself, and told whom to trust. */
    private Map<String, Object> sts(Request r) throws Exception {
        try (InputStream pem = Files.newInputStream(Paths.get(r.ca))) {
            KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
            authorities.load(null);
            authorities.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(authorities);
            SSLContext tls = SSLContext.getInstance("TLS");
            tls.init(null, trust.getTrustManagers(), null);
            HttpsURLConnection.setDefaultSSLSocketFactory(tls.getSocketFactory());
        }
        String host = "localhost" + client.address.substring(client.address.lastIndexOf(':'));
        String policy = new ObjectMapper().writeValueAsString(r.policy);
        try {
            com.tencent.cloud.Response key;
            if (r.action.equals("AssumeRole")) {
                AssumeRoleParam role = new AssumeRoleParam();
                role.setSecretId(client.secret_id);
                role.setSecretKey(client.secret_key);
                role.setDurationSec(r.seconds);
                role.setRegion(client.region);
                role.setHost(host);
                role.setRoleArn(r.role_arn);
                role.setRoleSessionName("interop");
                role.setSignatureMethod("HmacSHA256");
                role.setPolicy(policy);
                key = CosStsClient.getRoleCredential(role);
                key.credentials.sessionToken = key.credentials.token;
            } else {
                TreeMap<String, Object> settings = new TreeMap<>(Map.of("secretId", client.secret_id,
                        "secretKey", client.secret_key, "durationSeconds", r.seconds, "host", host,
                        "bucket", r.bucket, "region", client.region));
                if (r.scope) {
                    List<Scope> scopes = new ArrayList<>();
                    r.actions.forEach(action -> r.prefixes.forEach(
                            prefix -> scopes.add(new Scope(action, r.bucket, client.region, prefix))));
                    settings.put("policy", CosStsClient.getPolicy(scopes));
                } else {
                    settings.put("allowPrefixes", r.prefixes.toArray(new String[0]));
                    settings.put("allowActions", r.actions.toArray(new String[0]));
                }
                key = CosStsClient.getCredential(settings);
            }
            return Map.of("secret_id", key.credentials.tmpSecretId, "secret_key", key.credentials.tmpSecretKey,
                    "token", key.credentials.sessionToken, "expires_at", key.expiredTime);
        } catch (Exception error) { // the helper has no field for the code
            Matcher code = Pattern.compile("\"Code\":\"([^\"]+)\"").matcher(error.toString());
            return code.find() ? Map.of("error", error.toString(), "status", 200, "code", code.group(1))
                    : Map.of("error", error.toString());
        }
    }

    private ObjectMetadata metadata(Request r) {
        ObjectMetadata metadata = new ObjectMetadata();
        r.headers.forEach((name, value) -> {
            if (name.startsWith("x-cos-meta-")) {
                metadata.addUserMetadata(name.substring("x-cos-meta-".length()), value);
            } else if (name.equals("Expires")) {
                metadata.setHttpExpiresDate(DateUtils.parseRFC822Date(value));
            } else {
                metadata.setHeader(name, value);
            }
        });
        return metadata;
    }

    private Map<String, Object> put(Request r) throws Exception {
        PutObjectRequest request = r.stream
                ? new PutObjectRequest(r.bucket, r.key, Files.newInputStream(Paths.get(r.file)), null)
                : new PutObjectRequest(r.bucket, r.key, new File(r.file));
        request.setSSECustomerKey(r.customerKey());
        PutObjectResult result = cos.putObject(request.withMetadata(metadata(r)));
        Map<String, String> headers = new TreeMap<>(Map.of("etag", '"' + result.getETag() + '"',
                "x-cos-hash-crc64ecma", result.getCrc64Ecma(), "x-cos-request-id", result.getRequestId()));
        if (result.getVersionId() != null) {
            headers.put("x-cos-version-id", result.getVersionId());
        }
        return Map.of("headers", headers);
    }

    private Map<String, Object> delete(Request r) {
        if (r.version_id == null) {
            cos.deleteObject(r.bucket, r.key);
        } else {
            cos.deleteVersion(r.bucket, r.key, r.version_id);
        }
        return Map.of();
    }

    private Map<String, Object> head(Request r) {
        GetObjectMetadataRequest request = new GetObjectMetadataRequest(r.bucket, r.key, r.version_id);
        request.setSSECustomerKey(r.customerKey());
        return headers(cos.getObjectMetadata(r.dress(request)));
    }

    private Map<String, Object> get(Request r) throws Exception {
        GetObjectRequest request = new GetObjectRequest(r.bucket, r.key, r.version_id);
        request.setSSECustomerKey(r.customerKey());
        Map<String, String> rest = new TreeMap<>(r.headers);
        String range = rest.remove("Range");
        if (range != null) {
            String[] ends = range.substring("bytes=".length()).split("-", -1);
            request.setRange(ends[0].isEmpty() ? -1 : Long.parseLong(ends[0]),
                    ends[1].isEmpty() ? -1 : Long.parseLong(ends[1]));
        }
        String etag = rest.remove("If-None-Match");
        if (etag != null) {
            request.setNonmatchingETagConstraints(List.of(etag));
        }
        etag = rest.remove("If-Match");
        if (etag != null) {
            request.setMatchingETagConstraints(List.of(etag));
        }
        rest.forEach(request::putCustomRequestHeader);
        request.setResponseHeaders(overrides(r));
        try (COSObject object = cos.getObject(request)) {
            Files.copy(object.getObjectContent(), Paths.get(r.into), StandardCopyOption.REPLACE_EXISTING);
            return headers(object.getObjectMetadata());
        }
    }

    private ResponseHeaderOverrides overrides(Request r) {
        ResponseHeaderOverrides overrides = new ResponseHeaderOverrides();
        overrides.setContentType(r.query.get("response-content-type"));
        overrides.setContentLanguage(r.query.get("response-content-language"));
        overrides.setExpires(r.query.get("response-expires"));
        overrides.setCacheControl(r.query.get("response-cache-control"));
        overrides.setContentDisposition(r.query.get("response-content-disposition"));
        overrides.setContentEncoding(r.query.get("response-content-encoding"));
        return overrides;
    }

    private Map<String, Object> list(Request r) {
        ListObjectsRequest request = new ListObjectsRequest();
        request.setBucketName(r.bucket);
        request.setPrefix(r.prefix);
        request.setDelimiter(r.delimiter);
        request.setMaxKeys(r.max_keys == 0 ? null : r.max_keys);
        List<String> keys = new ArrayList<>(), prefixes = new ArrayList<>();
        for (int pages = 1; ; pages++) {
            ObjectListing page = cos.listObjects(request);
            page.getObjectSummaries().forEach(entry -> keys.add(entry.getKey()));
            prefixes.addAll(page.getCommonPrefixes());
            if (!page.isTruncated()) {
                return Map.of("keys", keys, "prefixes", prefixes, "pages", pages);
            }
            request.setMarker(page.getNextMarker());
        }
    }

    private Map<String, Object> deleteMany(Request r) {
        DeleteObjectsRequest request = new DeleteObjectsRequest(r.bucket);
        List<DeleteObjectsRequest.KeyVersion> objects = new ArrayList<>();
        r.keys.forEach(key -> objects.add(new DeleteObjectsRequest.KeyVersion(key)));
        r.versions.forEach(it -> objects.add(new DeleteObjectsRequest.KeyVersion(it.get(0), it.get(1))));
        request.withKeys(objects).setQuiet(r.quiet);
        List<String> keys = new ArrayList<>();
        cos.deleteObjects(request).getDeletedObjects().forEach(entry -> keys.add(entry.getKey()));
        return Map.of("keys", keys);
    }

    private Map<String, Object> copy(Request r) {
        CopyObjectRequest request = new CopyObjectRequest(given, r.bucket, r.source, r.bucket, r.key);
        request.setSourceVersionId(r.source_version);
        String directive = r.headers.remove("x-cos-metadata-directive");
        if (directive != null) {
            request.setMetadataDirective(directive);
            request.setNewObjectMetadata(metadata(r));
        } else {
            r.headers.forEach(request::putCustomRequestHeader);
        }
        CopyObjectResult result = cos.copyObject(request);
        if (result == null) { // a condition did not hold: the SDK drops the rest
            return Map.of("status", 412, "error", "nothing was copied", "request_id", "dropped");
        }
        Map<String, Object> answer = new HashMap<>(tags(result.getETag(), result.getCrc64Ecma()));
        answer.put("version_id", result.getVersionId());
        return answer;
    }

    private Map<String, Object> initiate(Request r) {
        InitiateMultipartUploadRequest request = new InitiateMultipartUploadRequest(r.bucket, r.key, metadata(r));
        return Map.of("upload_id", cos.initiateMultipartUpload(request).getUploadId());
    }

    private Map<String, Object> uploadPart(Request r) {
        File file = new File(r.file);
        UploadPartResult result = cos.uploadPart(new UploadPartRequest().withBucketName(r.bucket).withKey(r.key)
                .withUploadId(r.upload_id).withPartNumber(r.number).withFile(file).withPartSize(file.length()));
        return tags(result.getETag(), result.getCrc64Ecma());
    }

    private Map<String, Object> copyPart(Request r) {
        String[] ends = r.range.substring("bytes=".length()).split("-");
        CopyPartRequest request = new CopyPartRequest().withSourceBucketRegion(given).withSourceBucketName(r.bucket)
                .withSourceKey(r.source).withDestinationBucketName(r.bucket).withDestinationKey(r.key)
                .withUploadId(r.upload_id).withPartNumber(r.number)
                .withFirstByte(Long.parseLong(ends[0])).withLastByte(Long.parseLong(ends[1]));
        return Map.of("headers", Map.of("etag", '"' + cos.copyPart(request).getETag() + '"'));
    }

    private Map<String, Object> listParts(Request r) {
        ListPartsRequest request = new ListPartsRequest(r.bucket, r.key, r.upload_id);
        if (r.max != 0) {
            request.setMaxParts(r.max);
        }
        List<List<Object>> parts = new ArrayList<>();
        for (int pages = 1; ; pages++) {
            PartListing page = cos.listParts(request);
            page.getParts().forEach(part ->
                    parts.add(List.of(part.getPartNumber(), part.getSize(), '"' + part.getETag() + '"')));
            if (!page.isTruncated()) {
                return Map.of("parts", parts, "pages", pages);
            }
            request.setPartNumberMarker(page.getNextPartNumberMarker());
        }
    }

    private Map<String, Object> listUploads(Request r) {
        ListMultipartUploadsRequest request = new ListMultipartUploadsRequest(r.bucket);
        request.setPrefix(r.prefix);
        request.setMaxUploads(r.max == 0 ? null : r.max);
        List<List<String>> uploads = new ArrayList<>();
        for (int pages = 1; ; pages++) {
            MultipartUploadListing page = cos.listMultipartUploads(request);
            page.getMultipartUploads().forEach(upload -> uploads.add(List.of(upload.getKey(), upload.getUploadId())));
            if (!page.isTruncated()) {
                return Map.of("uploads", uploads, "pages", pages);
            }
            request.setKeyMarker(page.getNextKeyMarker());
            request.setUploadIdMarker(page.getNextUploadIdMarker());
        }
    }

    private Map<String, Object> complete(Request r) {
        List<PartETag> parts = new ArrayList<>();
        r.parts.forEach(part -> parts.add(new PartETag((Integer) part.get(0), (String) part.get(1))));
        CompleteMultipartUploadResult result =
                cos.completeMultipartUpload(new CompleteMultipartUploadRequest(r.bucket, r.key, r.upload_id, parts));
        return tags(result.getETag(), result.getCrc64Ecma());
    }

    private Map<String, Object> abort(Request r) {
        cos.abortMultipartUpload(new AbortMultipartUploadRequest(r.bucket, r.key, r.upload_id));
        return Map.of();
    }

    private Map<String, Object> transfer(Request r) throws Exception {
        TransferManager manager = new TransferManager(cos);
        try {
            TransferManagerConfiguration configuration = new TransferManagerConfiguration();
            configuration.setMultipartUploadThreshold(1 << 20);
            configuration.setMinimumUploadPartSize(1 << 20);
            configuration.setMultipartCopyThreshold(1 << 20);
            configuration.setMultipartCopyPartSize(1 << 20);
            manager.setConfiguration(configuration);
            if (r.verb.equals("copy_large")) {
                CopyObjectRequest request = new CopyObjectRequest(given, r.bucket, r.source, r.bucket, r.key);
                request.setStorageClass(r.headers.get("x-cos-storage-class"));
                manager.copy(request, cos, null).waitForCopyResult();
            } else if (r.verb.equals("upload")) {
                PutObjectRequest request = new PutObjectRequest(r.bucket, r.key, new File(r.file));
                request.setEnableResumableUpload(true);
                manager.upload(request).waitForUploadResult();
            } else {
                GetObjectRequest request = new GetObjectRequest(r.bucket, r.key);
                manager.download(request, new File(r.into), true, r.into + ".task", 1 << 20, 1 << 20).waitForCompletion();
            }
        } finally {
            manager.shutdownNow(false);
        }
        return Map.of();
    }

    private Map<String, Object> append(Request r) {
        AppendObjectRequest request = new AppendObjectRequest(r.bucket, r.key, new File(r.file));
        request.setPosition(r.position);
        Long next = cos.appendObject(request).getNextAppendPosition();
        return Map.of("headers", Map.of("x-cos-next-append-position", next.toString()));
    }

    private Map<String, Object> setVersioning(Request r) {
        cos.setBucketVersioningConfiguration(new SetBucketVersioningConfigurationRequest(
                r.bucket, new BucketVersioningConfiguration(r.status)));
        return Map.of();
    }

    private Map<String, Object> putCors(Request r) {
        List<CORSRule> rules = new ArrayList<>();
        for (Rule rule : r.rules) {
            List<CORSRule.AllowedMethods> methods = new ArrayList<>();
            rule.methods.forEach(method -> methods.add(CORSRule.AllowedMethods.valueOf(method)));
            rules.add(new CORSRule().withId(rule.id).withAllowedOrigins(rule.origins).withAllowedMethods(methods)
                    .withAllowedHeaders(rule.headers).withExposedHeaders(rule.expose).withMaxAgeSeconds(rule.max_age));
        }
        cos.setBucketCrossOriginConfiguration(r.bucket, new BucketCrossOriginConfiguration(rules));
        return Map.of();
    }

    private Map<String, Object> getCors(Request r) {
        List<Rule> rules = new ArrayList<>();
        for (CORSRule found : cos.getBucketCrossOriginConfiguration(r.bucket).getRules()) {
            Rule rule = new Rule();
            rule.id = found.getId();
            rule.origins = found.getAllowedOrigins();
            rule.methods = new ArrayList<>();
            found.getAllowedMethods().forEach(method -> rule.methods.add(method.toString()));
            rule.headers = found.getAllowedHeaders();
            rule.expose = found.getExposedHeaders();
            rule.max_age = found.getMaxAgeSeconds();
            rules.add(rule);
        }
        return Map.of("rules", rules);
    }

    private Map<String, Object> putWebsite(Request r) {
        List<RoutingRule> rules = new ArrayList<>();
        for (Redirect rule : r.website.rules) {
            RoutingRuleCondition condition = new RoutingRuleCondition().withKeyPrefixEquals(rule.prefix);
            if (rule.error_code != null) {
                condition.setHttpErrorCodeReturnedEquals(rule.error_code.toString());
            }
            RedirectRule redirect = new RedirectRule().withReplaceKeyWith(rule.key)
                    .withReplaceKeyPrefixWith(rule.replace_prefix);
            if (rule.https != null) {
                redirect.setProtocol("https");
            }
            rules.add(new RoutingRule().withCondition(condition).withRedirect(redirect));
        }
        BucketWebsiteConfiguration website = new BucketWebsiteConfiguration(r.website.index, r.website.error);
        cos.setBucketWebsiteConfiguration(r.bucket, website.withRoutingRules(rules));
        return Map.of();
    }

    private Map<String, Object> getWebsite(Request r) {
        BucketWebsiteConfiguration found = cos.getBucketWebsiteConfiguration(r.bucket);
        Website website = new Website();
        website.index = found.getIndexDocumentSuffix();
        website.error = found.getErrorDocument();
        for (RoutingRule rule : found.getRoutingRules()) {
            Redirect told = new Redirect();
            String code = rule.getCondition().getHttpErrorCodeReturnedEquals();
            told.error_code = code == null || code.isEmpty() ? null : Integer.valueOf(code);
            told.prefix = rule.getCondition().getKeyPrefixEquals();
            told.key = rule.getRedirect().getReplaceKeyWith();
            told.replace_prefix = rule.getRedirect().getReplaceKeyPrefixWith();
            told.https = "https".equals(rule.getRedirect().getprotocol()) ? true : null;
            website.rules.add(told);
        }
        return Map.of("website", website);
    }

    private Map<String, Object> putReferer(Request r) {
        BucketRefererConfiguration referer = new BucketRefererConfiguration();
        referer.setStatus(r.referer.enabled ? BucketRefererConfiguration.ENABLED : BucketRefererConfiguration.DISABLED);
        referer.setRefererType(r.referer.list);
        referer.setDomainList(r.referer.domains);
        referer.setEmptyReferConfiguration(
                r.referer.allow_empty ? BucketRefererConfiguration.ALLOW : BucketRefererConfiguration.DENY);
        cos.setBucketRefererConfiguration(r.bucket, referer);
        return Map.of();
    }

    private Map<String, Object> getReferer(Request r) {
        BucketRefererConfiguration found = cos.getBucketRefererConfiguration(r.bucket);
        Referer referer = new Referer();
        referer.enabled = BucketRefererConfiguration.ENABLED.equals(found.getStatus());
        referer.list = found.getRefererType();
        referer.domains = found.getDomainList();
        referer.allow_empty = BucketRefererConfiguration.ALLOW.equals(found.getEmptyReferConfiguration());
        return Map.of("referer", referer);
    }

    private static final Map<String, String> FREQUENCIES = Map.of("day", "Daily", "week", "Weekly");

    private static InventoryConfiguration inventory(Inventory said, boolean once) {
        InventoryCosBucketDestination place = new InventoryCosBucketDestination().withBucketArn(said.to)
                .withFormat(InventoryFormat.CSV).withAccountId(said.account).withPrefix(said.into);
        if (said.encrypted) place.setEncryption(new ServerSideEncryptionCOS());
        InventoryConfiguration given = new InventoryConfiguration().withId(said.id)
                .withIncludedObjectVersions(said.versions).withOptionalFields(said.fields)
                .withDestination(new InventoryDestination().withCosBucketDestination(place));
        if (said.prefix != null) given.setInventoryFilter(new InventoryFilter(new InventoryPrefixPredicate(said.prefix)));
        if (once) return given;
        return given.withEnabled(said.enabled)
                .withSchedule(new InventorySchedule().withFrequency(FREQUENCIES.get(said.every)));
    }

    private static Inventory inventory(InventoryConfiguration found) {
        Inventory inventory = new Inventory();
        InventoryCosBucketDestination place = found.getDestination().getCosBucketDestination();
        inventory.id = found.getId();
        inventory.enabled = found.isEnabled();
        FREQUENCIES.forEach((every, frequency) -> {
            if (frequency.equals(found.getSchedule().getFrequency())) inventory.every = every;
        });
        inventory.versions = found.getIncludedObjectVersions();
        InventoryFilterPredicate predicate = found.getInventoryFilter() == null ? null : found.getInventoryFilter().getPredicate();
        if (predicate instanceof InventoryPrefixPredicate) {
            inventory.prefix = ((InventoryPrefixPredicate) predicate).getPrefix();
        }
        inventory.fields = found.getOptionalFields();
        inventory.to = place.getBucketArn();
        inventory.into = place.getPrefix();
        inventory.account = place.getAccountId();
        inventory.encrypted = place.getEncryption() != null;
        return inventory;
    }

    private Map<String, Object> postInventory(Request r) {
        SetBucketInventoryConfigurationRequest once = new SetBucketInventoryConfigurationRequest();
        once.setBucketName(r.bucket);
        once.setInventoryConfiguration(inventory(r.inventory, true));
        String job = cos.postBucketInventoryConfiguration(once).getJobId();
        return Map.of("keys", job == null || job.isEmpty() ? List.of() : List.of("job"));
    }

    private Map<String, Object> listInventories(Request r) {
        List<Inventory> inventories = new ArrayList<>();
        ListBucketInventoryConfigurationsRequest next = new ListBucketInventoryConfigurationsRequest();
        next.setBucketName(r.bucket);
        while (true) {
            ListBucketInventoryConfigurationsResult page = cos.listBucketInventoryConfigurations(next);
            if (page.getInventoryConfigurationList() != null) {
                page.getInventoryConfigurationList().forEach(found -> inventories.add(inventory(found)));
            }
            if (!page.isTruncated()) return Map.of("inventories", inventories);
            next.setContinuationToken(page.getNextContinuationToken());
        }
    }

    private Map<String, Object> listTierings(Request r) {
        List<Map<String, Object>> tierings = new ArrayList<>();
        for (BucketIntelligentTieringConfiguration found : cos.listBucketIntelligentTieringConfiguration(r.bucket)) {
            List<List<Object>> tiers = new ArrayList<>();
            found.getTieringTransitions().forEach(it -> tiers.add(List.of(it.getAccessTier(), it.getDays())));
            Map<String, Object> rule = new TreeMap<>(Map.of(
                    "id", found.getRuleId(), "enabled", "Enabled".equals(found.getStatus()), "tiers", tiers));
            if (found.getFilter() != null) rule.put("prefix", found.getFilter().getPrefix());
            tierings.add(rule);
        }
        return Map.of("tierings", tierings);
    }

    private Map<String, Object> turnTieringOn(Request r) {
        BucketIntelligentTierConfiguration.Transition transition = new BucketIntelligentTierConfiguration.Transition();
        transition.setDays(r.days);
        BucketIntelligentTierConfiguration tiering = new BucketIntelligentTierConfiguration();
        tiering.setStatus(BucketIntelligentTierConfiguration.ENABLED);
        tiering.setTransition(transition);
        cos.setBucketIntelligentTieringConfiguration(new SetBucketIntelligentTierConfigurationRequest(r.bucket, tiering));
        return Map.of();
    }

    private Map<String, Object> tieringIsOn(Request r) {
        BucketIntelligentTierConfiguration found = cos.getBucketIntelligentTierConfiguration(r.bucket);
        boolean on = found != null && BucketIntelligentTierConfiguration.ENABLED.equals(found.getStatus());
        return Map.of("keys", on ? List.of(String.valueOf(found.getTransition().getDays())) : List.of());
    }

    private Map<String, Object> putLogging(Request r) {
        BucketLoggingConfiguration logging = r.logging == null ? new BucketLoggingConfiguration()
                : new BucketLoggingConfiguration(r.logging.bucket, r.logging.prefix);
        cos.setBucketLoggingConfiguration(new SetBucketLoggingConfigurationRequest(r.bucket, logging));
        return Map.of();
    }

    private Map<String, Object> getLogging(Request r) {
        BucketLoggingConfiguration found = cos.getBucketLoggingConfiguration(r.bucket);
        if (!found.isLoggingEnabled()) {
            return Map.of();
        }
        return Map.of("logging", Map.of("bucket", found.getDestinationBucketName(), "prefix", found.getLogFilePrefix()));
    }

    private Map<String, Object> putReplication(Request r) {
        BucketReplicationConfiguration replication = new BucketReplicationConfiguration();
        for (Rule rule : r.rules) {
            replication.setRoleName(rule.role);
            ReplicationDestinationConfig there = new ReplicationDestinationConfig()
                    .withBucketQCS("qcs::cos:" + rule.region + "::" + rule.bucket);
            replication.addRule(new ReplicationRule().withID(rule.id).withPrefix(rule.prefix)
                    .withStatus(rule.enabled ? "Enabled" : "Disabled").withDestinationConfig(there));
        }
        cos.setBucketReplicationConfiguration(r.bucket, replication);
        return Map.of();
    }

    private Map<String, Object> getReplication(Request r) {
        BucketReplicationConfiguration found = cos.getBucketReplicationConfiguration(r.bucket);
        List<Rule> rules = new ArrayList<>();
        for (ReplicationRule it : found.getRules()) {
            Rule rule = new Rule();
            rule.role = found.getRoleName();
            rule.id = it.getID();
            rule.enabled = "Enabled".equals(it.getStatus());
            rule.prefix = it.getPrefix();
            String[] place = it.getDestinationConfig().getBucketQCS().split(":");
            rule.region = place[3];
            rule.bucket = place[5];
            rules.add(rule);
        }
        return Map.of("rules", rules);
    }

    private Map<String, Object> putDomains(Request r) {
        BucketDomainConfiguration configuration = new BucketDomainConfiguration();
        for (Domain domain : r.domains) {
            DomainRule rule = new DomainRule();
            rule.setName(domain.name);
            rule.setType(domain.to);
            rule.setStatus(domain.enabled ? DomainRule.ENABLED : DomainRule.DISABLED);
            configuration.getDomainRules().add(rule);
        }
        cos.setBucketDomainConfiguration(r.bucket, configuration);
        return Map.of();
    }

    private Map<String, Object> getDomains(Request r) {
        BucketDomainConfiguration found = cos.getBucketDomainConfiguration(r.bucket);
        List<Domain> domains = new ArrayList<>();
        for (DomainRule rule : found.getDomainRules()) {
            Domain domain = new Domain();
            domain.name = rule.getName();
            domain.to = rule.getType();
            domain.enabled = DomainRule.ENABLED.equals(rule.getStatus());
            domains.add(domain);
        }
        return Map.of("domains", domains,
                "headers", Map.of("x-cos-domain-txt-verification", found.getDomainTxtVerification()));
    }

    private Map<String, Object> putCertificate(Request r) throws IOException {
        BucketDomainCertificateInfo info = new BucketDomainCertificateInfo();
        info.setCertType("CustomCert");
        info.setCert(Files.readString(Paths.get(r.cert)));
        info.setPrivateKey(Files.readString(Paths.get(r.private_key)));
        BucketPutDomainCertificate certificate = new BucketPutDomainCertificate();
        certificate.setBucketDomainCertificateInfo(info);
        certificate.setDomainList(List.of(r.domain));
        cos.setBucketDomainCertificate(r.bucket, certificate);
        return Map.of();
    }

    private Map<String, Object> getCertificate(Request r) {
        String status = cos.getBucketDomainCertificate(r.bucket, r.domain).getStatus();
        return Map.of("certificate", Map.of("enabled", "Enabled".equals(status)));
    }

    private Map<String, Object> putLifecycle(Request r) {
        List<BucketLifecycleConfiguration.Rule> rules = new ArrayList<>();
        for (Rule rule : r.rules) {
            LifecyclePrefixPredicate prefix = new LifecyclePrefixPredicate(rule.prefix == null ? "" : rule.prefix);
            BucketLifecycleConfiguration.Rule given = new BucketLifecycleConfiguration.Rule().withId(rule.id)
                    .withFilter(new LifecycleFilter(prefix)).withStatus(rule.enabled ? "Enabled" : "Disabled");
            if (rule.transitions != null) {
                rule.transitions.forEach(it -> given.addTransition(new BucketLifecycleConfiguration.Transition()
                        .withDays((int) it.get("days")).withStorageClass((String) it.get("storage_class"))));
            }
            if (rule.expiration != null) {
                given.setExpirationInDays(rule.expiration.get("days"));
            }
            if (rule.abort_uploads != 0) {
                given.setAbortIncompleteMultipartUpload(
                        new AbortIncompleteMultipartUpload().withDaysAfterInitiation(rule.abort_uploads));
            }
            rules.add(given);
        }
        cos.setBucketLifecycleConfiguration(r.bucket, new BucketLifecycleConfiguration(rules));
        return Map.of();
    }

    private Map<String, Object> getLifecycle(Request r) {
        List<Rule> rules = new ArrayList<>();
        for (BucketLifecycleConfiguration.Rule found : cos.getBucketLifecycleConfiguration(r.bucket).getRules()) {
            Rule rule = new Rule();
            rule.id = found.getId();
            rule.enabled = found.getStatus().equals("Enabled");
            if (found.getFilter() != null && found.getFilter().getPredicate() instanceof LifecyclePrefixPredicate) {
                rule.prefix = ((LifecyclePrefixPredicate) found.getFilter().getPredicate()).getPrefix();
            }
            if (found.getTransitions() != null && !found.getTransitions().isEmpty()) {
                rule.transitions = new ArrayList<>();
                found.getTransitions().forEach(it -> rule.transitions.add(
                        Map.of("days", it.getDays(), "storage_class", it.getStorageClass())));
            }
            if (found.getExpirationInDays() > 0) {
                rule.expiration = Map.of("days", found.getExpirationInDays());
            }
            if (found.getAbortIncompleteMultipartUpload() != null) {
                rule.abort_uploads = found.getAbortIncompleteMultipartUpload().getDaysAfterInitiation();
            }
            rules.add(rule);
        }
        return Map.of("rules", rules);
    }

    private Map<String, Object> listVersions(Request r) {
        List<List<String>> versions = new ArrayList<>();
        List<String> markers = new ArrayList<>(), prefixes = new ArrayList<>();
        ListVersionsRequest request = new ListVersionsRequest(
                r.bucket, r.prefix, null, null, r.delimiter, r.max == 0 ? null : r.max);
        for (int pages = 1; ; pages++) {
            VersionListing page = cos.listVersions(request);
            page.getVersionSummaries().forEach(entry -> {
                if (entry.isDeleteMarker()) {
                    markers.add(entry.getKey());
                } else {
                    versions.add(List.of(entry.getKey(), entry.getVersionId()));
                }
            });
            prefixes.addAll(page.getCommonPrefixes());
            if (!page.isTruncated()) {
                return Map.of("versions", versions, "markers", markers, "prefixes", prefixes, "pages", pages);
            }
            request.setKeyMarker(page.getNextKeyMarker());
            request.setVersionIdMarker(page.getNextVersionIdMarker());
        }
    }

    /** Of the bucket, when there is no key; a list goes as XML. */
    private Map<String, Object> putAcl(Request r) {
        if (r.grants == null) {
            CannedAccessControlList canned = Arrays.stream(CannedAccessControlList.values())
                    .filter(one -> one.toString().equals(r.acl)).findFirst().orElseThrow();
            if (r.key == null) cos.setBucketAcl(r.dress(new SetBucketAclRequest(r.bucket, canned)));
            else cos.setObjectAcl(r.dress(new SetObjectAclRequest(r.bucket, r.key, canned)));
            return Map.of();
        }
        AccessControlList list = new AccessControlList();
        Owner owner = new Owner();
        owner.setId(r.owner);
        list.setOwner(owner);
        r.grants.forEach(grant -> list.grantPermission(new UinGrantee(grant.get(1)), Permission.parsePermission(grant.get(0))));
        if (r.key == null) cos.setBucketAcl(r.bucket, list);
        else cos.setObjectAcl(r.bucket, r.key, list);
        return Map.of();
    }

    private Map<String, Object> getAcl(Request r) {
        AccessControlList list = r.key == null ? cos.getBucketAcl(r.bucket) : cos.getObjectAcl(r.bucket, r.key);
        List<List<String>> grants = new ArrayList<>();
        list.getGrantsAsList().forEach(grant ->
                grants.add(List.of(grant.getPermission().toString(), grant.getGrantee().getIdentifier())));
        return Map.of("acl", list.getCannedAccessControl().toString(), "grants", grants);
    }

    // Of the bucket, when there is no key; as the two below.
    private Map<String, Object> putTags(Request r) {
        if (r.key == null) {
            TagSet set = new TagSet();
            r.tags.forEach(tag -> set.setTag(tag.get(0), tag.get(1)));
            cos.setBucketTaggingConfiguration(r.bucket, new BucketTaggingConfiguration().withTagSets(set));
            return Map.of();
        }
        List<com.qcloud.cos.model.Tag.Tag> tags = new ArrayList<>();
        r.tags.forEach(tag -> tags.add(new com.qcloud.cos.model.Tag.Tag(tag.get(0), tag.get(1))));
        cos.setObjectTagging(new SetObjectTaggingRequest(r.bucket, r.key, r.version_id, new ObjectTagging(tags)));
        return Map.of();
    }

    private Map<String, Object> getTags(Request r) {
        List<List<String>> tags = new ArrayList<>();
        if (r.key == null) {
            cos.getBucketTaggingConfiguration(r.bucket).getTagSet().getAllTags()
                    .forEach((key, value) -> tags.add(List.of(key, value)));
            return Map.of("tags", tags);
        }
        cos.getObjectTagging(new GetObjectTaggingRequest(r.bucket, r.key, r.version_id)).getTagSet()
                .forEach(tag -> tags.add(List.of(tag.getKey(), tag.getValue())));
        return Map.of("tags", tags);
    }

    private Map<String, Object> deleteTags(Request r) {
        if (r.key == null) {
            cos.deleteBucketTaggingConfiguration(r.bucket);
            return Map.of();
        }
        cos.deleteObjectTagging(new DeleteObjectTaggingRequest(r.bucket, r.key).withVersionId(r.version_id));
        return Map.of();
    }

    private Map<String, Object> putEncryption(Request r) {
        BucketEncryptionConfiguration configuration = new BucketEncryptionConfiguration();
        configuration.setSseAlgorithm(r.algorithm);
        cos.putBucketEncryptionConfiguration(r.bucket, configuration);
        return Map.of();
    }

    private Map<String, Object> getPolicy(Request r) throws Exception {
        return Map.of("policy", new ObjectMapper().readValue(cos.getBucketPolicy(r.bucket).getPolicyText(), Map.class));
    }

    private Map<String, Object> select(Request r) throws Exception {
        InputSerialization input = new InputSerialization().withCompressionType(CompressionType.NONE);
        if (r.header == null) {
            input.setJson(new JSONInput().withType(JSONType.LINES));
        } else {
            input.setCsv(new CSVInput().withFileHeaderInfo(r.header).withRecordDelimiter("\n").withFieldDelimiter(",")
                    .withQuoteCharacter("\"").withQuoteEscapeCharacter("\"").withComments("#")
                    .withAllowQuotedRecordDelimiter(false));
        }
        OutputSerialization output = new OutputSerialization();
        if (r.json) {
            output.setJson(new JSONOutput().withRecordDelimiter("\n"));
        } else {
            output.setCsv(new CSVOutput().withQuoteFields("ASNEEDED").withRecordDelimiter("\n").withFieldDelimiter(","));
        }
        SelectObjectContentRequest request = new SelectObjectContentRequest().withBucketName(r.bucket).withKey(r.key)
                .withExpression(r.expression).withExpressionType(ExpressionType.SQL)
                .withRequestProgress(new RequestProgress().withEnabled(true))
                .withInputSerialization(input).withOutputSerialization(output);
        Map<String, Object> answer = new HashMap<>();
        try (SelectObjectContentResult result = cos.selectObjectContent(request)) {
            InputStream records = result.getPayload().getRecordsInputStream(new SelectObjectContentEventVisitor() {
                @Override
                public void visit(SelectObjectContentEvent.StatsEvent event) {
                    answer.put("returned", event.getDetails().getBytesReturned());
                }
            });
            Files.copy(records, Paths.get(r.into), StandardCopyOption.REPLACE_EXISTING);
        }
        return answer;
    }

    private Map<String, Object> restore(Request r) {
        RestoreObjectRequest request = new RestoreObjectRequest(r.bucket, r.key, r.days);
        cos.restoreObject(request.withVersionId(r.version_id).withCASJobParameters(
                new CASJobParameters().withTier(r.tier)));
        return Map.of();
    }

    private Map<String, Object> presign(Request r) {
        Date end = new Date(System.currentTimeMillis() + r.expires * 1000L);
        HttpMethodName method = HttpMethodName.valueOf(r.method);
        if (!r.merged) {
            return Map.of("url", cos.generatePresignedUrl(r.bucket, r.key, end, method, r.headers, r.query).toString());
        }
        GeneratePresignedUrlRequest request = r.dress(new GeneratePresignedUrlRequest(r.bucket, r.key, method));
        request.setExpiration(end);
        r.query.forEach(request::addRequestParameter);
        return Map.of("url", cos.generatePresignedUrl(request).toString());
    }

    private Map<String, Object> listBuckets() {
        List<List<String>> buckets = new ArrayList<>();
        cos.listBuckets().forEach(bucket -> buckets.add(List.of(bucket.getName(), bucket.getLocation())));
        return Map.of("buckets", buckets);
    }

    private Map<String, Object> tags(String etag, String crc64) {
        return Map.of("headers", Map.of("etag", '"' + etag + '"', "x-cos-hash-crc64ecma", crc64));
    }

    /** The response headers again, from the places the SDK sorts them into. */
    private Map<String, Object> headers(ObjectMetadata metadata) {
        Map<String, String> headers = new TreeMap<>();
        metadata.getRawMetadata().forEach((name, value) -> headers.put(name.toLowerCase(), value.toString()));
        metadata.getUserMetadata().forEach((name, value) -> headers.put("x-cos-meta-" + name.toLowerCase(), value));
        headers.put("etag", '"' + metadata.getETag() + '"');
        if (metadata.getHttpExpiresDate() != null) {
            headers.put("expires", DateUtils.formatRFC822Date(metadata.getHttpExpiresDate()));
        }
        if (metadata.getOngoingRestore() != null) {
            headers.put("x-cos-restore", "ongoing-request=\"" + metadata.getOngoingRestore() + '"');
        }
        return Map.of("headers", headers);
    }

    private Map<String, Object> run(Request r) throws Exception {
        switch (r.verb) {
            case "client": return client(r);
            case "sts": return sts(r);
            case "put": return put(r);
            case "get": return get(r);
            case "head": return head(r);
            case "delete": return delete(r);
            case "put_acl": return putAcl(r);
            case "get_acl": return getAcl(r);
            case "put_tags": return putTags(r);
            case "get_tags": return getTags(r);
            case "delete_tags": return deleteTags(r);
            case "restore": return restore(r);
            case "select": return select(r);
            case "get_lock": return Map.of("lock", cos.getBucketObjectLockConfiguration(r.bucket).getRetentionDays());
            case "list": return list(r);
            case "delete_many": return deleteMany(r);
            case "copy": return copy(r);
            case "initiate": return initiate(r);
            case "upload_part": return uploadPart(r);
            case "copy_part": return copyPart(r);
            case "list_parts": return listParts(r);
            case "list_uploads": return listUploads(r);
            case "complete": return complete(r);
            case "abort": return abort(r);
            case "copy_large":
            case "upload":
            case "download": return transfer(r);
            case "append": return append(r);
            case "set_versioning": return setVersioning(r);
            case "put_cors": return putCors(r);
            case "get_cors": return getCors(r);
            case "delete_cors": cos.deleteBucketCrossOriginConfiguration(r.bucket); return Map.of();
            case "put_encryption": return putEncryption(r);
            case "get_encryption":
                return Map.of("algorithm", cos.getBucketEncryptionConfiguration(r.bucket).getSseAlgorithm());
            case "delete_encryption": cos.deleteBucketEncryptionConfiguration(r.bucket); return Map.of();
            case "put_policy":
                cos.setBucketPolicy(r.bucket, new ObjectMapper().writeValueAsString(r.policy));
                return Map.of();
            case "get_policy": return getPolicy(r);
            case "delete_policy": cos.deleteBucketPolicy(r.bucket); return Map.of();
            case "put_website": return putWebsite(r);
            case "get_website": return getWebsite(r);
            case "delete_website": cos.deleteBucketWebsiteConfiguration(r.bucket); return Map.of();
            case "put_referer": return putReferer(r);
            case "get_referer": return getReferer(r);
            case "put_inventory": cos.setBucketInventoryConfiguration(r.bucket, inventory(r.inventory, false)); return Map.of();
            case "post_inventory": return postInventory(r);
            case "get_inventory": return Map.of("inventories", List.of(inventory(
                    cos.getBucketInventoryConfiguration(r.bucket, r.id).getInventoryConfiguration())));
            case "list_inventories": return listInventories(r);
            case "delete_inventory": cos.deleteBucketInventoryConfiguration(r.bucket, r.id); return Map.of();
            case "list_tierings": return listTierings(r);
            case "turn_tiering_on": return turnTieringOn(r);
            case "tiering_is_on": return tieringIsOn(r);
            case "put_symlink":
                cos.putSymlink(new PutSymlinkRequest(r.bucket, r.key, r.target));
                return Map.of();
            case "get_symlink":
                return Map.of("target", cos.getSymlink(new GetSymlinkRequest(r.bucket, r.key, null)).getTarget());
            case "put_logging": return putLogging(r);
            case "get_logging": return getLogging(r);
            case "put_replication": return putReplication(r);
            case "get_replication": return getReplication(r);
            case "delete_replication": cos.deleteBucketReplicationConfiguration(r.bucket); return Map.of();
            case "put_domains": return putDomains(r);
            case "get_domains": return getDomains(r);
            case "delete_domains": cos.deleteBucketDomainConfiguration(r.bucket); return Map.of();
            case "put_certificate": return putCertificate(r);
            case "get_certificate": return getCertificate(r);
            case "delete_certificate": cos.deleteBucketDomainCertificate(r.bucket, r.domain); return Map.of();
            case "location": return Map.of("location", cos.getBucketLocation(r.bucket));
            case "put_lifecycle": return putLifecycle(r);
            case "get_lifecycle": return getLifecycle(r);
            case "delete_lifecycle": cos.deleteBucketLifecycleConfiguration(r.bucket); return Map.of();
            case "list_versions": return listVersions(r);
            case "presign": return presign(r);
            case "create_bucket": cos.createBucket(r.bucket); return Map.of();
            case "head_bucket": cos.headBucket(new HeadBucketRequest(r.bucket)); return Map.of();
            case "delete_bucket": cos.deleteBucket(r.bucket); return Map.of();
            case "list_buckets": return listBuckets();
            default: throw new UnsupportedOperationException("this driver has no verb " + r.verb);
        }
    }

    private Map<String, Object> answer(Request r) {
        Map<String, Object> answer = new HashMap<>();
        try {
            return run(r);
        } catch (CosServiceException error) {
            answer.put("status", error.getStatusCode());
            answer.put("code", error.getErrorCode());
            answer.put("request_id", error.getRequestId());
            answer.put("error", error.toString());
        } catch (Exception error) {
            answer.put("error", error.toString());
        }
        return answer;
    }

    public static void main(String[] arguments) throws Exception {
        Driver driver = new Driver();
        ObjectMapper json = new ObjectMapper();
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // the helper prints there what it got
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            answers.println(json.writeValueAsString(driver.answer(json.readValue(line, Request.class))));
        }
        System.exit(0); // the SDK's idle-connection thread would hold the process
    }
}
