// Drives cos-nodejs-sdk-v5 and qcloud-cos-sts: one JSON request a line on stdin, one JSON answer a line on stdout.
'use strict';

console.log = console.warn; // the SDK prints hints; stdout carries answers only

const fs = require('fs');
const https = require('https');
const readline = require('readline');
const COS = require('cos-nodejs-sdk-v5');
const STS = require('qcloud-cos-sts');

let cos;
let given;

const place = (request) => ({
  Bucket: request.bucket,
  Region: given.region,
  Key: request.key,
  Headers: { ...request.headers },
  VersionId: request.version_id,
});

// response-content-type is the option ResponseContentType.
const overrides = (query = {}) =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name.replace(/(^|-)(.)/g, (_, dash, first) => first.toUpperCase()), value])
  );

const part = (request) => ({ ...place(request), UploadId: request.upload_id, PartNumber: request.number });

const source = (request) =>
  request.bucket + '.cos.' + given.region + '.myqcloud.com/' + encodeURIComponent(request.source).replace(/%2F/g, '/') +
  (request.source_version ? '?versionId=' + request.source_version : '');

// Of headers; one alone comes without a list.
const names = (list) => [].concat((list || {}).Header || []).map(({ Key }) => Key);

const reply = (data) => ({ status: data.statusCode, headers: data.headers });

const inventory = (found) => {
  const to = found.Destination.COSBucketDestination;
  return {
    id: found.Id,
    enabled: found.IsEnabled === 'true',
    every: { Daily: 'day', Weekly: 'week' }[found.Schedule.Frequency],
    versions: found.IncludedObjectVersions,
    prefix: (found.Filter || {}).Prefix,
    fields: Array.isArray(found.OptionalFields) ? found.OptionalFields : [],
    to: to.Bucket,
    into: to.Prefix,
    account: to.AccountId,
    encrypted: Boolean(to.Encryption),
  };
};

const verbs = {
  async client(request) {
    given = request;
    cos = new COS({
      SecretId: request.secret_id,
      SecretKey: request.secret_key,
      SecurityToken: request.token,
      Protocol: 'http:',
      ...(request.domain && { Domain: request.domain }),
      ...(request.route === 'proxy' ? { Proxy: 'http://' + request.address } : { Ip: request.address }),
    });
  },

  async sts(request) {
    // The helper speaks nothing but TLS: it is pointed at the port itself, and told whom to trust.
    https.globalAgent.options.ca = fs.readFileSync(request.ca);
    const scopes = request.actions.flatMap((action) =>
      request.prefixes.map((prefix) => ({ action, bucket: request.bucket, region: given.region, prefix }))
    );
    const options = {
      secretId: given.secret_id,
      secretKey: given.secret_key,
      region: given.region,
      durationSeconds: request.seconds,
      policy: request.scope ? STS.getPolicy(scopes) : request.policy,
      roleArn: request.role_arn,
      host: given.address,
    };
    try {
      const call = request.action === 'AssumeRole' ? STS.getRoleCredential : STS.getCredential;
      const { credentials, expiredTime } = await call(options);
      return {
        secret_id: credentials.tmpSecretId,
        secret_key: credentials.tmpSecretKey,
        token: credentials.sessionToken,
        expires_at: expiredTime,
      };
    } catch (error) {
      return { error: error.Message || String(error), status: 200, code: error.Code, request_id: error.RequestId };
    }
  },

  async put(request) {
    const body = request.stream ? fs.createReadStream(request.file) : fs.readFileSync(request.file);
    return reply(await cos.putObject({ ...place(request), Body: body }));
  },

  async get(request) {
    const data = await cos.getObject({ ...place(request), ...overrides(request.query) });
    if (data.NotModified) return { status: 304 };
    fs.writeFileSync(request.into, data.Body);
    return reply(data);
  },

  async head(request) {
    return reply(await cos.headObject(place(request)));
  },

  async delete(request) {
    return reply(await cos.deleteObject(place(request)));
  },

  // The SDK asks for encoded names only when told to, and never decodes them.
  async list(request) {
    const names = request.plain ? (name) => name : decodeURIComponent;
    const answer = { keys: [], prefixes: [], pages: 0 };
    for (let marker; ; ) {
      const page = await cos.getBucket({
        ...place(request),
        Prefix: request.prefix,
        Delimiter: request.delimiter,
        MaxKeys: request.max_keys,
        Marker: marker,
        EncodingType: request.plain ? undefined : 'url',
      });
      answer.pages += 1;
      answer.keys.push(...page.Contents.map((entry) => names(entry.Key)));
      answer.prefixes.push(...page.CommonPrefixes.map((entry) => names(entry.Prefix)));
      if (page.IsTruncated !== 'true') return answer;
      marker = names(page.NextMarker);
    }
  },

  async delete_many(request) {
    const data = await cos.deleteMultipleObject({
      ...place(request),
      Objects: [
        ...(request.keys || []).map((key) => ({ Key: key })),
        ...(request.versions || []).map(([key, version]) => ({ Key: key, VersionId: version })),
      ],
      Quiet: request.quiet,
    });
    return { keys: data.Deleted.map((entry) => entry.Key) };
  },

  async copy(request) {
    const data = await cos.putObjectCopy({ ...place(request), CopySource: source(request) });
    return { ...reply(data), version_id: data.VersionId };
  },

  async copy_large(request) {
    const sizes = { CopySliceSize: 1 << 20, CopyChunkSize: 1 << 20 };
    return reply(await cos.sliceCopyFile({ ...place(request), CopySource: source(request), ...sizes }));
  },

  async initiate(request) {
    return { upload_id: (await cos.multipartInit(place(request))).UploadId };
  },

  async upload_part(request) {
    return reply(await cos.multipartUpload({ ...part(request), Body: fs.readFileSync(request.file) }));
  },

  async copy_part(request) {
    const data = await cos.uploadPartCopy({
      ...part(request),
      CopySource: source(request),
      CopySourceRange: request.range,
    });
    return { headers: { etag: data.ETag } };
  },

  async list_parts(request) {
    const answer = { parts: [], pages: 0 };
    for (let marker; ; ) {
      const page = await cos.multipartListPart({ ...part(request), MaxParts: request.max, PartNumberMarker: marker });
      answer.pages += 1;
      answer.parts.push(...page.Part.map((entry) => [Number(entry.PartNumber), Number(entry.Size), entry.ETag]));
      if (page.IsTruncated !== 'true') return answer;
      marker = page.NextPartNumberMarker;
    }
  },

  async list_uploads(request) {
    const answer = { uploads: [], pages: 0 };
    for (let marker, behind; ; ) {
      const page = await cos.multipartList({
        ...place(request),
        Prefix: request.prefix,
        MaxUploads: request.max,
        KeyMarker: marker,
        UploadIdMarker: behind,
        EncodingType: 'url',
      });
      answer.pages += 1;
      answer.uploads.push(...page.Upload.map((upload) => [decodeURIComponent(upload.Key), upload.UploadId]));
      if (page.IsTruncated !== 'true') return answer;
      [marker, behind] = [decodeURIComponent(page.NextKeyMarker), page.NextUploadIdMarker];
    }
  },

  async complete(request) {
    const parts = request.parts.map(([number, etag]) => ({ PartNumber: number, ETag: etag }));
    return reply(await cos.multipartComplete({ ...part(request), Parts: parts }));
  },

  async abort(request) {
    return reply(await cos.multipartAbort(part(request)));
  },

  async upload(request) {
    await cos.uploadFile({ ...place(request), FilePath: request.file, SliceSize: 1 << 20, ChunkSize: 1 << 20 });
  },

  async download(request) {
    await cos.downloadFile({ ...place(request), FilePath: request.into, ChunkSize: 1 << 20 });
  },

  async append(request) {
    const body = fs.readFileSync(request.file);
    return reply(await cos.appendObject({ ...place(request), Position: request.position, Body: body }));
  },

  async set_versioning(request) {
    return reply(await cos.putBucketVersioning({ ...place(request), VersioningConfiguration: { Status: request.status } }));
  },

  async put_cors(request) {
    const rules = request.rules.map((rule) => ({
      ID: rule.id,
      AllowedOrigin: rule.origins,
      AllowedMethod: rule.methods,
      AllowedHeader: rule.headers,
      ExposeHeader: rule.expose,
      MaxAgeSeconds: rule.max_age,
    }));
    return reply(await cos.putBucketCors({ ...place(request), CORSRules: rules }));
  },

  async get_cors(request) {
    const data = await cos.getBucketCors(place(request));
    return {
      rules: data.CORSRules.map((rule) => ({
        id: rule.ID,
        origins: rule.AllowedOrigins,
        methods: rule.AllowedMethods,
        headers: rule.AllowedHeaders,
        expose: rule.ExposeHeaders,
        max_age: Number(rule.MaxAgeSeconds || 0),
      })),
    };
  },

  async delete_cors(request) {
    return reply(await cos.deleteBucketCors(place(request)));
  },

  async put_lifecycle(request) {
    const rules = request.rules.map((rule) => ({
      ID: rule.id,
      Filter: { Prefix: rule.prefix || '' },
      Status: rule.enabled ? 'Enabled' : 'Disabled',
      Expiration: rule.expiration && { Days: rule.expiration.days },
      Transition: rule.transitions && rule.transitions.map((it) => ({ Days: it.days, StorageClass: it.storage_class })),
      AbortIncompleteMultipartUpload: rule.abort_uploads && { DaysAfterInitiation: rule.abort_uploads },
    }));
    for (const rule of rules) Object.keys(rule).forEach((name) => rule[name] === undefined && delete rule[name]);
    return reply(await cos.putBucketLifecycle({ ...place(request), Rules: rules }));
  },

  async get_lifecycle(request) {
    const data = await cos.getBucketLifecycle(place(request));
    const list = (value) => (Array.isArray(value) ? value : value ? [value] : []);
    return {
      rules: data.Rules.map((rule) => ({
        id: rule.ID,
        enabled: rule.Status === 'Enabled',
        prefix: rule.Filter && rule.Filter.Prefix,
        expiration: rule.Expiration && { days: Number(rule.Expiration.Days) },
        transitions: list(rule.Transition).map((it) => ({ days: Number(it.Days), storage_class: it.StorageClass })),
        abort_uploads: Number((rule.AbortIncompleteMultipartUpload || {}).DaysAfterInitiation || 0),
      })),
    };
  },

  async put_encryption(request) {
    const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: request.algorithm } };
    const configuration = { Rule: [rule] };
    return reply(await cos.putBucketEncryption({ ...place(request), ServerSideEncryptionConfiguration: configuration }));
  },

  async get_encryption(request) {
    const data = await cos.getBucketEncryption(place(request));
    const rule = data.EncryptionConfiguration.Rules[0] || {};
    return { algorithm: (rule.ApplyServerSideEncryptionByDefault || {}).SSEAlgorithm };
  },

  async delete_encryption(request) {
    return reply(await cos.deleteBucketEncryption(place(request)));
  },

  async put_policy(request) {
    return reply(await cos.putBucketPolicy({ ...place(request), Policy: request.policy }));
  },

  async get_policy(request) {
    return { policy: (await cos.getBucketPolicy(place(request))).Policy };
  },

  async delete_policy(request) {
    return reply(await cos.deleteBucketPolicy(place(request)));
  },

  async put_website(request) {
    const { index, error, rules } = request.website;
    const configuration = {
      IndexDocument: { Suffix: index },
      ...(error && { ErrorDocument: { Key: error } }),
      RoutingRules: (rules || []).map((rule) => ({
        Condition: {
          ...(rule.error_code && { HttpErrorCodeReturnedEquals: rule.error_code }),
          ...(rule.prefix && { KeyPrefixEquals: rule.prefix }),
        },
        Redirect: {
          ...(rule.https && { Protocol: 'https' }),
          ...(rule.key && { ReplaceKeyWith: rule.key }),
          ...(rule.replace_prefix && { ReplaceKeyPrefixWith: rule.replace_prefix }),
        },
      })),
    };
    return reply(await cos.putBucketWebsite({ ...place(request), WebsiteConfiguration: configuration }));
  },

  async get_website(request) {
    const found = (await cos.getBucketWebsite(place(request))).WebsiteConfiguration;
    return {
      website: {
        index: (found.IndexDocument || {}).Suffix,
        error: (found.ErrorDocument || {}).Key,
        rules: (found.RoutingRules || []).map(({ Condition, Redirect }) => ({
          error_code: Number(Condition.HttpErrorCodeReturnedEquals || 0),
          prefix: Condition.KeyPrefixEquals,
          key: Redirect.ReplaceKeyWith,
          replace_prefix: Redirect.ReplaceKeyPrefixWith,
          https: Redirect.Protocol === 'https',
        })),
      },
    };
  },

  async delete_website(request) {
    return reply(await cos.deleteBucketWebsite(place(request)));
  },

  async put_referer(request) {
    const said = request.referer;
    const configuration = {
      Status: said.enabled ? 'Enabled' : 'Disabled',
      RefererType: said.list,
      DomainList: { Domains: said.domains },
      EmptyReferConfiguration: said.allow_empty ? 'Allow' : 'Deny',
    };
    return reply(await cos.putBucketReferer({ ...place(request), RefererConfiguration: configuration }));
  },

  async get_referer(request) {
    const found = (await cos.getBucketReferer(place(request))).RefererConfiguration;
    return {
      referer: {
        enabled: found.Status === 'Enabled',
        list: found.RefererType,
        domains: (found.DomainList || {}).Domains,
        allow_empty: found.EmptyReferConfiguration === 'Allow',
      },
    };
  },

  async put_inventory(request) {
    const said = request.inventory;
    const configuration = {
      Id: said.id,
      IsEnabled: String(Boolean(said.enabled)),
      Destination: {
        COSBucketDestination: {
          Format: 'CSV',
          ...(said.account && { AccountId: said.account }),
          Bucket: said.to,
          ...(said.into && { Prefix: said.into }),
          ...(said.encrypted && { Encryption: { SSECOS: '' } }),
        },
      },
      Schedule: { Frequency: { day: 'Daily', week: 'Weekly' }[said.every] },
      ...(said.prefix && { Filter: { Prefix: said.prefix } }),
      IncludedObjectVersions: said.versions,
      ...(said.fields && { OptionalFields: said.fields }),
    };
    const given = { ...place(request), Id: said.id, InventoryConfiguration: configuration };
    return reply(await cos.putBucketInventory(given));
  },

  async get_inventory(request) {
    const found = await cos.getBucketInventory({ ...place(request), Id: request.id });
    return { inventories: [inventory(found.InventoryConfiguration)] };
  },

  async list_inventories(request) {
    const inventories = [];
    let token;
    do {
      const page = await cos.listBucketInventory({ ...place(request), ContinuationToken: token });
      inventories.push(...page.InventoryConfigurations.map(inventory));
      token = page.IsTruncated === 'true' ? page.NextContinuationToken : undefined;
    } while (token);
    return { inventories };
  },

  async delete_inventory(request) {
    return reply(await cos.deleteBucketInventory({ ...place(request), Id: request.id }));
  },

  async put_accelerate(request) {
    const configuration = { Status: request.status };
    return reply(await cos.putBucketAccelerate({ ...place(request), AccelerateConfiguration: configuration }));
  },

  async get_accelerate(request) {
    const found = (await cos.getBucketAccelerate(place(request))).AccelerateConfiguration;
    return { accelerate: { enabled: found.Status === 'Enabled' } };
  },

  async put_logging(request) {
    const said = request.logging;
    const status = said ? { LoggingEnabled: { TargetBucket: said.bucket, TargetPrefix: said.prefix } } : '';
    return reply(await cos.putBucketLogging({ ...place(request), BucketLoggingStatus: status }));
  },

  async get_logging(request) {
    const found = (await cos.getBucketLogging(place(request))).BucketLoggingStatus.LoggingEnabled;
    return { logging: found ? { bucket: found.TargetBucket, prefix: found.TargetPrefix } : null };
  },

  async put_replication(request) {
    const configuration = {
      Role: request.rules[0].role,
      Rules: request.rules.map((rule) => ({
        ID: rule.id,
        Status: rule.enabled ? 'Enabled' : 'Disabled',
        Prefix: rule.prefix,
        Destination: { Bucket: `qcs::cos:${rule.region}::${rule.bucket}` },
      })),
    };
    return reply(await cos.putBucketReplication({ ...place(request), ReplicationConfiguration: configuration }));
  },

  async get_replication(request) {
    const found = (await cos.getBucketReplication(place(request))).ReplicationConfiguration;
    const rules = found.Rules.map((rule) => {
      const [, , , region, , bucket] = rule.Destination.Bucket.split(':');
      const enabled = rule.Status === 'Enabled';
      return { role: found.Role, id: rule.ID, enabled, prefix: rule.Prefix, region, bucket };
    });
    return { rules };
  },

  async delete_replication(request) {
    return reply(await cos.deleteBucketReplication(place(request)));
  },

  async put_domains(request) {
    const rules = request.domains.map(({ name, enabled, to }) => ({
      Status: enabled ? 'ENABLED' : 'DISABLED',
      Name: name,
      Type: to,
    }));
    return reply(await cos.putBucketDomain({ ...place(request), DomainRule: rules }));
  },

  async get_domains(request) {
    const found = await cos.getBucketDomain(place(request));
    return {
      headers: found.headers,
      domains: found.DomainRule.map(({ Name, Status, Type }) => ({
        name: Name,
        enabled: Status === 'ENABLED',
        to: Type,
      })),
    };
  },

  async delete_domains(request) {
    return reply(await cos.deleteBucketDomain(place(request)));
  },

  async put_origins(request) {
    const rules = request.origins.map((rule) => ({
      RulePriority: rule.priority,
      OriginType: rule.type,
      OriginCondition: { HTTPStatusCode: rule.status, ...(rule.prefix && { Prefix: rule.prefix }) },
      OriginParameter: {
        Protocol: rule.protocol,
        ...(rule.headers && {
          HttpHeader: {
            NewHttpHeaders: { Header: rule.headers.new.map((name) => ({ Key: name, Value: 'v' })) },
            FollowHttpHeaders: { Header: rule.headers.follow.map((name) => ({ Key: name })) },
          },
        }),
      },
      OriginInfo: {
        HostInfo: rule.hosts.map(({ name, weight }) => ({ HostName: name, ...(weight && { Weight: weight }) })),
      },
    }));
    return reply(await cos.putBucketOrigin({ ...place(request), OriginRule: rules }));
  },

  async get_origins(request) {
    const found = (await cos.getBucketOrigin(place(request))).OriginRule;
    return {
      origins: found.map((rule) => ({
        priority: Number(rule.RulePriority),
        type: rule.OriginType,
        status: Number(rule.OriginCondition.HTTPStatusCode),
        prefix: rule.OriginCondition.Prefix,
        protocol: rule.OriginParameter.Protocol,
        headers: rule.OriginParameter.HttpHeader && {
          new: names(rule.OriginParameter.HttpHeader.NewHttpHeaders),
          follow: names(rule.OriginParameter.HttpHeader.FollowHttpHeaders),
        },
        hosts: [].concat(rule.OriginInfo.HostInfo).map(({ HostName, Weight }) => ({
          name: HostName,
          weight: Number(Weight || 0),
        })),
      })),
    };
  },

  async delete_origins(request) {
    return reply(await cos.deleteBucketOrigin(place(request)));
  },

  async location(request) {
    return { location: (await cos.getBucketLocation(place(request))).LocationConstraint };
  },

  async options(request) {
    const data = await cos.optionsObject({
      ...place(request),
      Origin: request.origin,
      AccessControlRequestMethod: request.method,
      AccessControlRequestHeaders: request.asks,
    });
    if (data.OptionsForbidden) {
      // The SDK makes a success of it and drops the rest.
      return { status: data.statusCode, request_id: 'dropped', error: 'forbidden' };
    }
    return reply(data);
  },

  async delete_lifecycle(request) {
    return reply(await cos.deleteBucketLifecycle(place(request)));
  },

  async list_versions(request) {
    const answer = { versions: [], markers: [], prefixes: [], pages: 0 };
    for (let marker, behind; ; ) {
      const page = await cos.listObjectVersions({
        ...place(request),
        Prefix: request.prefix,
        Delimiter: request.delimiter,
        MaxKeys: request.max,
        KeyMarker: marker,
        VersionIdMarker: behind,
        EncodingType: 'url',
      });
      answer.pages += 1;
      answer.versions.push(...page.Versions.map((entry) => [decodeURIComponent(entry.Key), entry.VersionId]));
      answer.markers.push(...page.DeleteMarkers.map((entry) => decodeURIComponent(entry.Key)));
      answer.prefixes.push(...[].concat(page.CommonPrefixes || []).map((entry) => decodeURIComponent(entry.Prefix)));
      if (page.IsTruncated !== 'true') return answer;
      [marker, behind] = [decodeURIComponent(page.NextKeyMarker), page.NextVersionIdMarker];
    }
  },

  // Of the bucket, when there is no key; as the two below.
  async put_tags(request) {
    const tags = request.tags.map(([key, value]) => ({ Key: key, Value: value }));
    if (!request.key) return reply(await cos.putBucketTagging({ ...place(request), Tags: tags }));
    return reply(await cos.putObjectTagging({ ...place(request), Tags: tags }));
  },

  async get_tags(request) {
    const data = await (request.key ? cos.getObjectTagging(place(request)) : cos.getBucketTagging(place(request)));
    return { tags: data.Tags.map((tag) => [tag.Key, tag.Value]) };
  },

  async delete_tags(request) {
    if (!request.key) return reply(await cos.deleteBucketTagging(place(request)));
    return reply(await cos.deleteObjectTagging(place(request)));
  },

  async select(request) {
    const csv = { FileHeaderInfo: request.header, RecordDelimiter: '\n', FieldDelimiter: ',', QuoteCharacter: '"',
      QuoteEscapeCharacter: '"', Comments: '#', AllowQuotedRecordDelimiter: 'FALSE' };
    const stalled = new Promise((_, reject) => setTimeout(reject, 10000, new Error('the results stalled')).unref());
    const results = cos.selectObjectContent({ ...place(request), SelectType: 2, SelectRequest: {
      Expression: request.expression, ExpressionType: 'SQL',
      InputSerialization: { CompressionType: 'NONE', ...(request.header ? { CSV: csv } : { JSON: { Type: 'LINES' } }) },
      OutputSerialization: request.json ? { JSON: { RecordDelimiter: '\n' } }
        : { CSV: { QuoteFields: 'ASNEEDED', RecordDelimiter: '\n', FieldDelimiter: ',' } },
      RequestProgress: { Enabled: 'TRUE' },
    } });
    const data = await Promise.race([results, stalled]);
    fs.writeFileSync(request.into, data.Payload);
    return { returned: Number(data.Stats.BytesReturned) };
  },

  async restore(request) {
    const job = { Days: request.days, CASJobParameters: { Tier: request.tier } };
    return reply(await cos.restoreObject({ ...place(request), RestoreRequest: job }));
  },

  // Of the bucket, when there is no key; a list goes as XML.
  async put_acl(request) {
    const put = request.key === undefined ? cos.putBucketAcl : cos.putObjectAcl;
    const grants = (request.grants || []).map(([may, who]) => ({ Grantee: { ID: who }, Permission: may }));
    const list = request.grants && { Owner: { ID: request.owner }, Grants: grants };
    return reply(await put.call(cos, { ...place(request), ACL: request.acl, AccessControlPolicy: list }));
  },

  async get_acl(request) {
    const get = request.key === undefined ? cos.getBucketAcl : cos.getObjectAcl;
    const data = await get.call(cos, place(request));
    return { acl: data.ACL, grants: data.Grants.map((grant) => [grant.Permission, grant.Grantee.ID || grant.Grantee.URI]) };
  },

  presign(request) {
    return new Promise((resolve, reject) => {
      cos.getObjectUrl(
        { ...place(request), Method: request.method, Expires: request.expires, Query: request.query },
        (error, data) => (error ? reject(error) : resolve({ url: data.Url }))
      );
    });
  },

  async create_bucket(request) {
    return reply(await cos.putBucket(place(request)));
  },

  async head_bucket(request) {
    return reply(await cos.headBucket(place(request)));
  },

  async delete_bucket(request) {
    return reply(await cos.deleteBucket(place(request)));
  },

  async list_buckets() {
    const data = await cos.getService();
    return { buckets: data.Buckets.map((bucket) => [bucket.Name, bucket.Location]) };
  },
};

async function answer(request) {
  if (!verbs[request.verb]) return { error: 'this driver has no verb ' + request.verb };
  try {
    return (await verbs[request.verb](request)) || {};
  } catch (error) {
    return { error: String(error), status: error.statusCode, code: error.code, request_id: error.RequestId };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
  }
  process.exit(0); // kept-alive connections would hold the process
})();
