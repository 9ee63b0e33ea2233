"""Drives cos-python-sdk-v5 and two ways to STS: one JSON request a line on stdin, one JSON answer a line on stdout."""

import json
import re
import sys
import urllib.request
from urllib.parse import quote

from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_comm import maplist
from qcloud_cos.cos_exception import CosServiceError
from sts.sts import Scope, Sts
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

KEYWORDS = {header.lower(): keyword for keyword, header in maplist.items()}


def keywords(request):
    """Headers and overrides as the SDK's own keywords; `Metadata` copies any other header to the wire."""
    options, rest = {}, {}
    for name, value in {**request.get("headers", {}), **request.get("query", {})}.items():
        if name.lower() in KEYWORDS:
            options[KEYWORDS[name.lower()]] = value
        else:
            rest[name] = value
    if "version_id" in request:
        options["VersionId"] = request["version_id"]
    return {**options, "Metadata": rest} if rest else options


def headers(response):
    return {"headers": {name.lower(): value for name, value in (response or {}).items() if isinstance(value, str)}}


def elements(document, name):
    found = document.get(name, [])
    return found if isinstance(found, list) else [found]


def filled(document):
    """What of it has a value."""
    return {name: value for name, value in document.items() if value is not None}


def origin_headers(headers):
    if headers is None:
        return None
    return {"NewHttpHeaders": {"Header": [{"Key": name, "Value": "v"} for name in headers["new"]]},
            "FollowHttpHeaders": {"Header": [{"Key": name} for name in headers["follow"]]}}


def headers_of(sent):
    if not sent:
        return None
    listed = lambda name: sent[name]["Header"] if isinstance(sent[name]["Header"], list) else [sent[name]["Header"]]
    return {"new": [header["Key"] for header in listed("NewHttpHeaders")],
            "follow": [header["Key"] for header in listed("FollowHttpHeaders")]}


class Driver:
    def client(self, request):
        self.given = request
        host, port = request["address"].rsplit(":", 1)
        way = {"IP": host, "Port": int(port)}
        if request["route"] == "proxy":
            way = {"Proxies": {"http": "http://" + request["address"]}, "Domain": request.get("domain")}
        self.cos = CosS3Client(CosConfig(
            Region=request["region"], Scheme="http", SecretId=request["secret_id"],
            SecretKey=request["secret_key"], Token=request.get("token"), Anonymous=request.get("anonymous"), **way))

    def sts(self, request):
        """A temporary key from the helper for COS, or from the SDK for all of the cloud's API."""
        if request["by"] == "cloud":
            return self.cloud_sts(request)
        config = {
            "url": "http://sts.tencentcloudapi.com/", "proxy": {"http": "http://" + self.given["address"]},
            "secret_id": self.given["secret_id"], "secret_key": self.given["secret_key"],
            "duration_seconds": request["seconds"], "bucket": request["bucket"], "region": self.given["region"]}
        if request.get("scope"):
            config["policy"] = Sts.get_policy([
                Scope(action, request["bucket"], self.given["region"], prefix)
                for action in request["actions"] for prefix in request["prefixes"]])
        else:
            config.update(allow_actions=request["actions"], allow_prefix=request["prefixes"])
        helper = Sts(config)
        try:
            if request["action"] == "AssumeRole":
                given = helper.get_role_credential(request["role_arn"])
            else:
                given = helper.get_credential()
        except Exception as error:
            code = re.search(r"'Code': '([^']+)'", str(error))  # the helper has no field for it
            return {"error": str(error), "status": 200, "code": code and code[1]}
        key = given["credentials"]
        return {"secret_id": key["tmpSecretId"], "secret_key": key["tmpSecretKey"], "token": key["sessionToken"],
                "expires_at": given["expiredTime"]}

    def cloud_sts(self, request):
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", proxy="http://" + self.given["address"]))
        action, options, key = request["action"], None, None
        parameters = {"DurationSeconds": request["seconds"]}
        if action == "GetFederationToken":
            parameters.update(Name="interop")
        else:
            parameters.update(RoleArn=request["role_arn"], RoleSessionName="interop")
        if action == "AssumeRoleWithWebIdentity":
            parameters.update(ProviderId=request["provider"], WebIdentityToken=request["identity"])
            options = {"SkipSign": True}
        else:
            parameters.update(Policy=quote(json.dumps(request["policy"])))
            key = credential.Credential(
                self.given["secret_id"], self.given["secret_key"], self.given.get("token"))
        client = CommonClient("sts", "2018-08-13", key, self.given["region"], profile)
        try:
            given = client.call_json(action, parameters, options=options)["Response"]
        except TencentCloudSDKException as error:
            return {"error": str(error), "status": 200, "code": error.get_code(), "request_id": error.get_request_id()}
        key = given["Credentials"]
        return {"secret_id": key["TmpSecretId"], "secret_key": key["TmpSecretKey"], "token": key["Token"],
                "expires_at": given["ExpiredTime"]}

    def metadata(self, request):
        """The keys that an instance has from its role."""
        proxy = urllib.request.ProxyHandler({"http": "http://" + self.given["address"]})
        urllib.request.install_opener(urllib.request.build_opener(proxy))
        secret_id, secret_key, token = credential.CVMRoleCredential().get_credential_info()
        return {"secret_id": secret_id, "secret_key": secret_key, "token": token}

    def put(self, request):
        with open(request["file"], "rb") as file:
            body = iter(lambda: file.read(1000), b"") if request.get("stream") else file
            return headers(self.cos.put_object(request["bucket"], body, request["key"], **keywords(request)))

    def get(self, request):
        response = self.cos.get_object(request["bucket"], request["key"], **keywords(request))
        answer = {**headers(response), "status": response["Body"].get_raw_stream().status}
        if answer["status"] != 304:
            response["Body"].get_stream_to_file(request["into"])
        return answer

    def head(self, request):
        return headers(self.cos.head_object(request["bucket"], request["key"], **keywords(request)))

    def delete(self, request):
        return headers(self.cos.delete_object(request["bucket"], request["key"], **keywords(request)))

    def list(self, request):
        answer, marker = {"keys": [], "prefixes": [], "pages": 0}, ""
        while True:
            page = self.cos.list_objects(
                request["bucket"], request.get("prefix", ""), request.get("delimiter", ""), marker,
                request.get("max_keys", 1000))
            answer["pages"] += 1
            answer["keys"] += [entry["Key"] for entry in elements(page, "Contents")]
            answer["prefixes"] += [entry["Prefix"] for entry in elements(page, "CommonPrefixes")]
            if page["IsTruncated"] == "false":
                return answer
            marker = page["NextMarker"]

    def delete_many(self, request):
        objects = [{"Key": key} for key in request.get("keys", [])]
        objects += [{"Key": key, "VersionId": version} for key, version in request.get("versions", [])]
        result = self.cos.delete_objects(request["bucket"], {
            "Object": objects, "Quiet": "true" if request.get("quiet") else "false"})
        return {"keys": [entry["Key"] for entry in elements(result or {}, "Deleted")]}

    def copy(self, request):
        options = keywords(request)
        directive = options.get("Metadata", {}).pop("x-cos-metadata-directive", "Copy")
        source = {"Bucket": request["bucket"], "Key": request["source"], "Region": self.given["region"]}
        if "source_version" in request:
            source["VersionId"] = request["source_version"]
        copied = self.cos.copy_object(request["bucket"], request["key"], source, directive, **options)
        return {**headers(copied), "version_id": copied.get("VersionId")}

    def copy_large(self, request):
        source = {"Bucket": request["bucket"], "Key": request["source"], "Region": self.given["region"]}
        self.cos.get_conf().set_copy_part_threshold_size(1 << 20)
        # Of the same class it would go in one request, whatever its size.
        self.cos.copy(request["bucket"], request["key"], source, PartSize=1, **keywords(request))

    def initiate(self, request):
        started = self.cos.create_multipart_upload(request["bucket"], request["key"], **keywords(request))
        return {"upload_id": started["UploadId"]}

    def upload_part(self, request):
        with open(request["file"], "rb") as body:
            return headers(self.cos.upload_part(
                request["bucket"], request["key"], body, request["number"], request["upload_id"]))

    def copy_part(self, request):
        source = {"Bucket": request["bucket"], "Key": request["source"], "Region": self.given["region"]}
        copied = self.cos.upload_part_copy(
            request["bucket"], request["key"], request["number"], request["upload_id"], source, request["range"])
        return {"headers": {"etag": copied["ETag"]}}

    def list_parts(self, request):
        answer, marker = {"parts": [], "pages": 0}, 0
        while True:
            page = self.cos.list_parts(
                request["bucket"], request["key"], request["upload_id"], "", request.get("max", 1000), marker)
            answer["pages"] += 1
            answer["parts"] += [[int(part["PartNumber"]), int(part["Size"]), part["ETag"]]
                                for part in elements(page, "Part")]
            if page["IsTruncated"] == "false":
                return answer
            marker = page["NextPartNumberMarker"]

    def list_uploads(self, request):
        answer, marker, behind = {"uploads": [], "pages": 0}, "", ""
        while True:
            page = self.cos.list_multipart_uploads(
                request["bucket"], request.get("prefix", ""), "", marker, behind, request.get("max", 1000))
            answer["pages"] += 1
            answer["uploads"] += [[upload["Key"], upload["UploadId"]] for upload in elements(page, "Upload")]
            if page["IsTruncated"] == "false":
                return answer
            marker, behind = page["NextKeyMarker"], page["NextUploadIdMarker"]

    def complete(self, request):
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in request["parts"]]
        return headers(self.cos.complete_multipart_upload(
            request["bucket"], request["key"], request["upload_id"], {"Part": parts}, **keywords(request)))

    def abort(self, request):
        self.cos.abort_multipart_upload(request["bucket"], request["key"], request["upload_id"])

    def upload(self, request):
        self.cos.upload_file(request["bucket"], request["key"], request["file"], PartSize=1)

    def download(self, request):
        self.cos.download_file(request["bucket"], request["key"], request["into"], PartSize=1, EnableCRC=True)

    def append(self, request):
        with open(request["file"], "rb") as body:
            return headers(self.cos.append_object(
                request["bucket"], request["key"], request["position"], body.read()))

    def set_versioning(self, request):
        self.cos.put_bucket_versioning(request["bucket"], request["status"])

    def put_cors(self, request):
        self.cos.put_bucket_cors(request["bucket"], {"CORSRule": [{
            "ID": rule["id"], "AllowedOrigin": rule["origins"], "AllowedMethod": rule["methods"],
            "AllowedHeader": rule["headers"], "ExposeHeader": rule["expose"], "MaxAgeSeconds": rule["max_age"],
        } for rule in request["rules"]]})

    def get_cors(self, request):
        document = self.cos.get_bucket_cors(request["bucket"])
        return {"rules": [{
            "id": rule.get("ID"), "origins": rule["AllowedOrigin"], "methods": rule["AllowedMethod"],
            "headers": rule.get("AllowedHeader"), "expose": rule.get("ExposeHeader"),
            "max_age": int(rule.get("MaxAgeSeconds", 0)),
        } for rule in document["CORSRule"]]}

    def delete_cors(self, request):
        self.cos.delete_bucket_cors(request["bucket"])

    def put_lifecycle(self, request):
        self.cos.put_bucket_lifecycle(request["bucket"], {"Rule": [{
            "ID": rule["id"], "Filter": {"Prefix": rule.get("prefix", "")},
            "Status": "Enabled" if rule.get("enabled") else "Disabled",
            **({"Expiration": {"Days": rule["expiration"]["days"]}} if "expiration" in rule else {}),
            **({"Transition": [{"Days": it["days"], "StorageClass": it["storage_class"]}
                               for it in rule["transitions"]]} if "transitions" in rule else {}),
            **({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": rule["abort_uploads"]}}
               if "abort_uploads" in rule else {}),
        } for rule in request["rules"]]})

    def get_lifecycle(self, request):
        document = self.cos.get_bucket_lifecycle(request["bucket"])
        return {"rules": [{
            "id": rule.get("ID"), "enabled": rule["Status"] == "Enabled",
            "prefix": (rule.get("Filter") or {}).get("Prefix"),
            "expiration": {name.lower(): int(days) for name, days in rule.get("Expiration", {}).items()},
            "transitions": [{"days": int(it["Days"]), "storage_class": it["StorageClass"]}
                            for it in elements(rule, "Transition")],
            "abort_uploads": int(rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0)),
        } for rule in elements(document, "Rule")]}

    def put_encryption(self, request):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": request["algorithm"]}}
        self.cos.put_bucket_encryption(request["bucket"], {"Rule": [rule]})

    def get_encryption(self, request):
        rule = self.cos.get_bucket_encryption(request["bucket"])["Rule"][0]
        return {"algorithm": rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]}

    def delete_encryption(self, request):
        self.cos.delete_bucket_encryption(request["bucket"])

    def put_policy(self, request):
        self.cos.put_bucket_policy(request["bucket"], request["policy"])

    def get_policy(self, request):
        return {"policy": json.loads(self.cos.get_bucket_policy(request["bucket"])["Policy"])}

    def delete_policy(self, request):
        self.cos.delete_bucket_policy(request["bucket"])

    def put_website(self, request):
        site = request["website"]
        document = {"IndexDocument": {"Suffix": site["index"]}}
        if "error" in site:
            document["ErrorDocument"] = {"Key": site["error"]}
        if "rules" in site:
            document["RoutingRules"] = [{
                "Condition": filled({"HttpErrorCodeReturnedEquals": rule.get("error_code"),
                                     "KeyPrefixEquals": rule.get("prefix")}),
                "Redirect": filled({"Protocol": "https" if rule.get("https") else None, "ReplaceKeyWith": rule.get("key"),
                                    "ReplaceKeyPrefixWith": rule.get("replace_prefix")}),
            } for rule in site["rules"]]
        self.cos.put_bucket_website(request["bucket"], document)

    def get_website(self, request):
        document = self.cos.get_bucket_website(request["bucket"])
        return {"website": {
            "index": document["IndexDocument"]["Suffix"], "error": document.get("ErrorDocument", {}).get("Key"),
            "rules": [{
                "error_code": int(rule["Condition"].get("HttpErrorCodeReturnedEquals", 0)),
                "prefix": rule["Condition"].get("KeyPrefixEquals"), "key": rule["Redirect"].get("ReplaceKeyWith"),
                "replace_prefix": rule["Redirect"].get("ReplaceKeyPrefixWith"),
                "https": rule["Redirect"].get("Protocol") == "https",
            } for rule in document.get("RoutingRules", [])]}}

    def delete_website(self, request):
        self.cos.delete_bucket_website(request["bucket"])

    def put_referer(self, request):
        said = request["referer"]
        self.cos.put_bucket_referer(request["bucket"], {
            "Status": "Enabled" if said["enabled"] else "Disabled", "RefererType": said["list"],
            "DomainList": {"Domain": said["domains"]},
            "EmptyReferConfiguration": "Allow" if said.get("allow_empty") else "Deny"})

    def get_referer(self, request):
        document = self.cos.get_bucket_referer(request["bucket"])
        return {"referer": {
            "enabled": document["Status"] == "Enabled", "list": document["RefererType"],
            "domains": document["DomainList"]["Domain"], "allow_empty": document["EmptyReferConfiguration"] == "Allow"}}

    def delete_referer(self, request):
        self.cos.delete_bucket_referer(request["bucket"])

    def put_inventory(self, request):
        said = request["inventory"]
        self.cos.put_bucket_inventory(request["bucket"], said["id"], {
            "IsEnabled": "true" if said.get("enabled") else "false", **self.inventory_of(said),
            "Schedule": {"Frequency": {"day": "Daily", "week": "Weekly"}[said["every"]]}})

    def post_inventory(self, request):
        said = request["inventory"]
        self.cos.post_bucket_inventory(request["bucket"], said["id"], self.inventory_of(said))

    @staticmethod
    def inventory_of(said):
        place = {"Format": "CSV", "AccountId": said.get("account"), "Bucket": said["to"], "Prefix": said.get("into"),
                 "Encryption": {"SSE-COS": {}} if said.get("encrypted") else None}
        fields, prefix = said.get("fields"), said.get("prefix")
        return filled({
            "Destination": {"COSBucketDestination": filled(place)}, "IncludedObjectVersions": said["versions"],
            "Filter": {"Prefix": prefix} if prefix else None, "OptionalFields": {"Field": fields} if fields else None})

    def get_inventory(self, request):
        return {"inventories": [self.inventory(self.cos.get_bucket_inventory(request["bucket"], request["id"]))]}

    def list_inventories(self, request):
        found, token = [], None
        while True:
            page = self.cos.list_bucket_inventory_configurations(request["bucket"], token)
            found += elements(page, "InventoryConfiguration")
            if page["IsTruncated"] != "true":
                return {"inventories": [self.inventory(document) for document in found]}
            token = page["NextContinuationToken"]

    @staticmethod
    def inventory(document):
        place = document["Destination"]["COSBucketDestination"]
        conditions = document.get("Filter") or {}
        return {
            "id": document["Id"], "enabled": document["IsEnabled"] == "true",
            "every": {"Daily": "day", "Weekly": "week"}[document["Schedule"]["Frequency"]],
            "versions": document["IncludedObjectVersions"], "prefix": conditions.get("Prefix"),
            "fields": elements(document["OptionalFields"] or {}, "Field"), "to": place["Bucket"],
            "into": place.get("Prefix"), "account": place.get("AccountId"), "encrypted": "Encryption" in place}

    def delete_inventory(self, request):
        self.cos.delete_bucket_inventory(request["bucket"], request["id"])

    def put_tiering(self, request):
        said = request["tiering"]
        tiers = [{"AccessTier": tier, "Days": days, **({"RequestFrequent": 1} if tier == "INFREQUENT" else {})}
                 for tier, days in said["tiers"]]
        self.cos.put_bucket_intelligenttiering_v2(request["bucket"], filled({
            "Id": said["id"], "Status": "Enabled" if said.get("enabled") else "Disabled", "Tiering": tiers,
            "Filter": {"Prefix": said["prefix"]} if said.get("prefix") else None}), said["id"])

    def get_tiering(self, request):
        document = self.cos.get_bucket_intelligenttiering_v2(request["bucket"], request["id"])
        return {"tierings": [self.tiering(document)]}

    def list_tierings(self, request):
        page = self.cos.list_bucket_intelligenttiering_configurations(request["bucket"])
        return {"tierings": [self.tiering(rule) for rule in elements(page, "IntelligentTieringConfiguration")]}

    @staticmethod
    def tiering(document):
        return {
            "id": document["Id"], "enabled": document["Status"] == "Enabled",
            "prefix": (document.get("Filter") or {}).get("Prefix"),
            "tiers": [[tier["AccessTier"], int(tier["Days"])] for tier in elements(document, "Tiering")]}

    def turn_tiering_on(self, request):
        self.cos.put_bucket_intelligenttiering(request["bucket"], {
            "Status": "Enabled", "Transition": {"Days": request["days"], "RequestFrequent": 1}})

    def tiering_is_on(self, request):
        document = self.cos.get_bucket_intelligenttiering(request["bucket"]) or {}
        days = (document.get("Transition") or {}).get("Days")
        return {"keys": [days] if days else []}

    def put_symlink(self, request):
        self.cos.put_symlink(request["bucket"], request["key"], request["target"])

    def get_symlink(self, request):
        return {"target": self.cos.get_symlink(request["bucket"], request["key"])["x-cos-symlink-target"]}

    def put_logging(self, request):
        said = request["logging"]
        self.cos.put_bucket_logging(request["bucket"], said and {
            "LoggingEnabled": {"TargetBucket": said["bucket"], "TargetPrefix": said["prefix"]}})

    def get_logging(self, request):
        enabled = self.cos.get_bucket_logging(request["bucket"]).get("LoggingEnabled")
        return {"logging": enabled and {"bucket": enabled["TargetBucket"], "prefix": enabled["TargetPrefix"]}}

    def put_replication(self, request):
        self.cos.put_bucket_replication(request["bucket"], {
            "Role": request["rules"][0]["role"],
            "Rule": [{"ID": rule["id"], "Status": "Enabled" if rule["enabled"] else "Disabled", "Prefix": rule["prefix"],
                      "Destination": {"Bucket": "qcs::cos:%s::%s" % (rule["region"], rule["bucket"])}}
                     for rule in request["rules"]]})

    def get_replication(self, request):
        document = self.cos.get_bucket_replication(request["bucket"])
        rules = []
        for rule in elements(document, "Rule"):
            _, _, _, region, _, bucket = rule["Destination"]["Bucket"].split(":")
            rules.append({"role": document["Role"], "id": rule.get("ID"), "enabled": rule["Status"] == "Enabled",
                          "prefix": rule["Prefix"], "region": region, "bucket": bucket})
        return {"rules": rules}

    def delete_replication(self, request):
        self.cos.delete_bucket_replication(request["bucket"])

    def put_domains(self, request):
        self.cos.put_bucket_domain(request["bucket"], {"DomainRule": [
            {"Status": "ENABLED" if rule["enabled"] else "DISABLED", "Name": rule["name"], "Type": rule["to"]}
            for rule in request["domains"]]})

    def get_domains(self, request):
        found = self.cos.get_bucket_domain(request["bucket"])
        return {"headers": {"x-cos-domain-txt-verification": found["x-cos-domain-txt-verification"]}, "domains": [
            {"name": rule["Name"], "enabled": rule["Status"] == "ENABLED", "to": rule["Type"]}
            for rule in found["DomainRule"]]}

    def delete_domains(self, request):
        self.cos.delete_bucket_domain(request["bucket"])

    def put_certificate(self, request):
        with open(request["cert"]) as cert, open(request["private_key"]) as key:
            self.cos.put_bucket_domain_certificate(request["bucket"], {
                "CertificateInfo": {"CertType": "CustomCert",
                                    "CustomCert": {"Cert": cert.read(), "PrivateKey": key.read()}},
                "DomainList": [{"DomainName": request["domain"]}]})

    def get_certificate(self, request):
        found = self.cos.get_bucket_domain_certificate(request["bucket"], request["domain"])
        return {"certificate": {"enabled": found["Status"] == "Enabled"},
                "expires": int(found.get("CertificateInfo", {}).get("ValidityExpire", 0))}

    def delete_certificate(self, request):
        self.cos.delete_bucket_domain_certificate(request["bucket"], request["domain"])

    def put_origins(self, request):
        self.cos.put_bucket_origin(request["bucket"], {"OriginRule": [{
            "RulePriority": rule["priority"], "OriginType": rule["type"],
            "OriginCondition": filled({"HTTPStatusCode": rule["status"], "Prefix": rule.get("prefix")}),
            "OriginParameter": filled({"Protocol": rule["protocol"], "HttpHeader": origin_headers(rule.get("headers"))}),
            "OriginInfo": {"HostInfo": [filled({"HostName": host["name"], "Weight": host.get("weight")})
                                        for host in rule["hosts"]]},
        } for rule in request["origins"]]})

    def get_origins(self, request):
        several = lambda value: value if isinstance(value, list) else [value]
        return {"origins": [{
            "priority": int(rule["RulePriority"]), "type": rule["OriginType"],
            "status": int(rule["OriginCondition"]["HTTPStatusCode"]), "prefix": rule["OriginCondition"].get("Prefix"),
            "protocol": rule["OriginParameter"]["Protocol"],
            "headers": headers_of(rule["OriginParameter"].get("HttpHeader")),
            "hosts": [{"name": host["HostName"], "weight": int(host.get("Weight", 0))}
                      for host in several(rule["OriginInfo"]["HostInfo"])],
        } for rule in self.cos.get_bucket_origin(request["bucket"])["OriginRule"]]}

    def delete_origins(self, request):
        self.cos.delete_bucket_origin(request["bucket"])

    def put_lock(self, request):
        self.cos.put_bucket_object_lock(request["bucket"], {
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Days": request["days"]}}})

    def get_lock(self, request):
        document = self.cos.get_bucket_object_lock(request["bucket"])
        return {"lock": int(document["Rule"]["DefaultRetention"]["Days"])}

    def location(self, request):
        return {"location": self.cos.get_bucket_location(request["bucket"])["LocationConstraint"]}

    def delete_lifecycle(self, request):
        self.cos.delete_bucket_lifecycle(request["bucket"])

    def list_versions(self, request):
        answer, marker, behind = {"versions": [], "markers": [], "prefixes": [], "pages": 0}, "", ""
        while True:
            page = self.cos.list_objects_versions(
                request["bucket"], request.get("prefix", ""), request.get("delimiter", ""), marker, behind,
                request.get("max", 1000))
            answer["pages"] += 1
            answer["versions"] += [[entry["Key"], entry["VersionId"]] for entry in elements(page, "Version")]
            answer["markers"] += [entry["Key"] for entry in elements(page, "DeleteMarker")]
            answer["prefixes"] += [entry["Prefix"] for entry in elements(page, "CommonPrefixes")]
            if page["IsTruncated"] == "false":
                return answer
            # Empty behind a prefix, which the SDK reads as None.
            marker, behind = page["NextKeyMarker"], page.get("NextVersionIdMarker") or ""

    def put_tags(self, request):
        """Of the bucket, when there is no key; as the two below."""
        tags = {"TagSet": {"Tag": [{"Key": key, "Value": value} for key, value in request["tags"]]}}
        if "key" in request:
            self.cos.put_object_tagging(request["bucket"], request["key"], tags, **keywords(request))
        else:
            self.cos.put_bucket_tagging(request["bucket"], tags)

    def get_tags(self, request):
        if "key" in request:
            document = self.cos.get_object_tagging(request["bucket"], request["key"], **keywords(request))
        else:
            document = self.cos.get_bucket_tagging(request["bucket"])
        return {"tags": [[tag["Key"], tag["Value"]] for tag in elements(document["TagSet"], "Tag")]}

    def delete_tags(self, request):
        if "key" in request:
            self.cos.delete_object_tagging(request["bucket"], request["key"], **keywords(request))
        else:
            self.cos.delete_bucket_tagging(request["bucket"])

    def select(self, request):
        source = {"JSON": {"Type": "LINES"}}
        if "header" in request:
            source = {"CSV": {"FileHeaderInfo": request["header"], "RecordDelimiter": "\n", "FieldDelimiter": ",",
                              "QuoteCharacter": "\"", "QuoteEscapeCharacter": "\"", "Comments": "#",
                              "AllowQuotedRecordDelimiter": "FALSE"}}
        stream = self.cos.select_object_content(
            request["bucket"], request["key"], request["expression"], "SQL",
            {"CompressionType": "NONE", **source},
            {"JSON": {"RecordDelimiter": "\n"}} if request.get("json") else
            {"CSV": {"QuoteFields": "ASNEEDED", "RecordDelimiter": "\n", "FieldDelimiter": ","}},
            {"Enabled": "TRUE"})["Payload"]
        answer = {}
        with open(request["into"], "wb") as into:
            for event in stream:
                if "Records" in event:
                    into.write(event["Records"]["Payload"])
                elif "Stats" in event:
                    answer["returned"] = int(event["Stats"]["Details"]["BytesReturned"])
        return answer

    def restore(self, request):
        job = {"Days": request["days"], "CASJobParameters": {"Tier": request["tier"]}}
        self.cos.restore_object(request["bucket"], request["key"], job, **keywords(request))

    def put_acl(self, request):
        """Of the bucket, when there is no key; a list goes as XML."""
        put, policy = self.of_target(request, self.cos.put_bucket_acl, self.cos.put_object_acl), {}
        if "grants" in request:
            grants = [{"Grantee": {"Type": "CanonicalUser", "ID": who}, "Permission": may} for may, who in request["grants"]]
            policy = {"Owner": {"ID": request["owner"]}, "AccessControlList": {"Grant": grants}}
        put(AccessControlPolicy=policy, **({"ACL": request["acl"]} if "acl" in request else {}), **keywords(request))

    def get_acl(self, request):
        get = self.of_target(request, self.cos.get_bucket_acl, self.cos.get_object_acl)
        document = get(**keywords(request))
        grants = elements(document["AccessControlList"] or {}, "Grant")
        return {"acl": document["CannedACL"],
                "grants": [[grant["Permission"], grant["Grantee"].get("ID") or grant["Grantee"]["URI"]] for grant in grants]}

    @staticmethod
    def of_target(request, of_bucket, of_object):
        if "key" not in request:
            return lambda **options: of_bucket(request["bucket"], **options)
        return lambda **options: of_object(request["bucket"], request["key"], **options)

    def presign(self, request):
        query = dict(request.get("query", {}))
        if self.given.get("token"):  # the SDK leaves it to the caller
            query["x-cos-security-token"] = self.given["token"]
        return {"url": self.cos.get_presigned_url(
            request["bucket"], request["key"], request["method"], request["expires"], query,
            request.get("headers", {}))}

    def create_bucket(self, request):
        self.cos.create_bucket(request["bucket"])

    def head_bucket(self, request):
        return headers(self.cos.head_bucket(request["bucket"]))

    def delete_bucket(self, request):
        self.cos.delete_bucket(request["bucket"])

    def list_buckets(self, request):
        buckets = elements(self.cos.list_buckets()["Buckets"] or {}, "Bucket")
        return {"buckets": [[bucket["Name"], bucket["Location"]] for bucket in buckets]}


def answer(driver, request):
    verb = getattr(driver, request["verb"], None)
    if verb is None:
        return {"error": "this driver has no verb " + request["verb"]}
    try:
        return verb(request) or {}
    except CosServiceError as error:
        digest = error.get_digest_msg()  # the error document, or the headers of an answer without one, or a sentence
        digest = {} if isinstance(digest, str) else digest
        return {"error": str(error), "status": error.get_status_code(), "code": digest.get("code"),
                "request_id": digest.get("requestid") or digest.get("x-cos-request-id")}
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}


driver = Driver()
for line in sys.stdin:
    print(json.dumps(answer(driver, json.loads(line))), flush=True)
