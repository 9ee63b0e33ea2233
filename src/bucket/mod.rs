//! Operations on buckets, one file each.

mod accelerate;
mod acl;
mod conditions;
mod cors;
mod create;
mod delete;
mod domain;
mod domain_certificate;
mod encryption;
mod head;
mod inventory;
mod lifecycle;
mod list;
mod list_buckets;
mod list_versions;
mod location;
mod logging;
mod object_lock;
mod origin;
mod policy;
mod referer;
mod replication;
mod setting;
mod tagging;
mod tiering;
mod versioning;
mod website;

pub use self::accelerate::{AccelerateConfiguration, GetBucketAccelerate, PutBucketAccelerate};
pub use self::acl::{GetBucketAcl, PutBucketAcl};
pub use self::cors::{CorsConfiguration, CorsRule, DeleteBucketCors, GetBucketCors, PutBucketCors};
pub use self::create::CreateBucket;
pub use self::delete::DeleteBucket;
pub use self::domain::{
    DeleteBucketDomain, DomainConfiguration, DomainRule, DomainType, ForcedReplacement, GetBucketDomain,
    PutBucketDomain,
};
pub use self::domain_certificate::{
    CustomCertificate, DeleteBucketDomainCertificate, DomainCertificate, GetBucketDomainCertificate,
    PutBucketDomainCertificate,
};
pub use self::encryption::{BucketEncryption, DeleteBucketEncryption, GetBucketEncryption, PutBucketEncryption};
pub use self::head::{BucketMeta, HeadBucket};
pub use self::inventory::{
    DeleteBucketInventory, GetBucketInventory, IncludedObjectVersions, InventoryConfiguration, InventoryDestination,
    InventoryField, InventoryFilter, InventoryJob, InventoryList, InventorySchedule, ListBucketInventory,
    PostBucketInventory, PutBucketInventory,
};
pub use self::lifecycle::{
    DeleteBucketLifecycle, GetBucketLifecycle, LifecycleConfiguration, LifecycleExpiration, LifecycleFilter,
    LifecycleRule, LifecycleTime, LifecycleTransition, NoncurrentVersionTransition, PutBucketLifecycle,
};
pub use self::list::{ListObjects, ObjectList, ObjectSummary};
pub use self::list_buckets::{BucketList, BucketSummary, ListBuckets};
pub use self::list_versions::{ListObjectVersions, ObjectVersion, VersionList};
pub use self::location::GetBucketLocation;
pub use self::logging::{BucketLogging, DeleteBucketLogging, GetBucketLogging, PutBucketLogging};
pub use self::object_lock::{GetBucketObjectLock, ObjectLockConfiguration, PutBucketObjectLock};
pub use self::origin::{
    DeleteBucketOrigin, GetBucketOrigin, OriginConfiguration, OriginHeaders, OriginHost, OriginProtocol, OriginRule,
    OriginType, PutBucketOrigin,
};
pub use self::policy::{DeleteBucketPolicy, GetBucketPolicy, PutBucketPolicy};
pub use self::referer::{DeleteBucketReferer, GetBucketReferer, PutBucketReferer, RefererConfiguration, RefererType};
pub use self::replication::{
    DeleteBucketReplication, GetBucketReplication, PutBucketReplication, ReplicationConfiguration,
    ReplicationDestination, ReplicationRule,
};
pub use self::tagging::{DeleteBucketTagging, GetBucketTagging, PutBucketTagging};
pub use self::tiering::{
    AccessTier, DeleteBucketIntelligentTiering, GetBucketIntelligentTiering, GetBucketIntelligentTieringV1,
    IntelligentTieringConfiguration, IntelligentTieringFilter, IntelligentTieringV1, ListBucketIntelligentTiering,
    PutBucketIntelligentTiering, PutBucketIntelligentTieringV1, Tiering,
};
pub use self::versioning::{GetBucketVersioning, PutBucketVersioning, Versioning};
pub use self::website::{DeleteBucketWebsite, GetBucketWebsite, PutBucketWebsite, RoutingRule, WebsiteConfiguration};

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Method, Response};

    use super::*;
    use crate::operation::{Operation, Sent};
    use crate::xml::{Element, read_whole};

    /// Numbers that look random and are the same each time.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % bound
        }

        /// Some of the pieces, each as often as it comes, some with an attribute.
        fn some(&mut self, pieces: &[&str]) -> String {
            let mut text = String::new();
            for _ in 0..self.below(7) {
                let piece = pieces[self.below(pieces.len())];
                text += ["", "", "\n\t", "<!-- aside -->"][self.below(4)];
                match (self.below(8), piece.find(['>', '/'])) {
                    (0, Some(end)) => text.extend([&piece[..end], " new='x &amp;&#9; y'", &piece[end..]]),
                    _ => text += piece,
                }
            }
            text
        }
    }

    /// The order says nothing, but of rules.
    fn sorted(mut element: Element) -> Element {
        element.children = element.children.into_iter().map(sorted).collect();
        element.children.sort_by_cached_key(|child| {
            if child.name.ends_with("Rule") { String::new() } else { format!("{child:?}") }
        });
        element
    }

    /// The document, and what is written after it was read and added to.
    fn changed<G, P, C>(root: &str, get: &G, xml: &str, put: impl FnOnce(C) -> P) -> (Element, Element)
    where
        G: Operation<Output = Option<C>, Response = Bytes>,
        P: Operation,
    {
        let read = get.output(&Sent::default(), Response::new(xml.to_owned().into())).unwrap().unwrap();
        let request = put(read).request().unwrap_or_else(|error| panic!("{error}: {xml}"));
        let whole = |xml: &[u8]| sorted(read_whole(root, 200, "", xml).unwrap());
        (whole(xml.as_bytes()), whole(&request.body_ref().as_bytes().unwrap()))
    }

    fn remove_last(element: &mut Element, name: &str) {
        let last = element.children.iter().rposition(|child| child.name == name).unwrap();
        element.children.remove(last);
    }

    #[test]
    fn whatever_others_say_of_a_website_and_its_pages_stays_when_something_is_added() {
        let leaves = [
            "<Suffix>i</Suffix>",
            "<Key>e</Key>",
            "<OriginalHttpStatus>Disabled</OriginalHttpStatus>",
            "<OriginalHttpStatus>maybe</OriginalHttpStatus>",
            "<Protocol>https</Protocol>",
            "<Protocol>http</Protocol>",
            "<Status>Enabled</Status>",
            "<Status>on</Status>",
            "<New><Deep/></New>",
        ];
        let conditions = [
            "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
            "<HttpErrorCodeReturnedEquals>500</HttpErrorCodeReturnedEquals>",
            "<KeyPrefixEquals>p/</KeyPrefixEquals>",
            "<New/>",
        ];
        let redirects = [
            "<Protocol>https</Protocol>",
            "<Protocol>http</Protocol>",
            "<ReplaceKeyWith>k</ReplaceKeyWith>",
            "<ReplaceKeyPrefixWith>q/</ReplaceKeyPrefixWith>",
            "<URLRedirect>Enabled</URLRedirect>",
        ];
        let domains = ["<Domain>a</Domain>", "<Domain>*.b</Domain>", "<Domain/>", "<Domain>c d</Domain>", "<New/>"];
        let others = [
            "<EmptyReferConfiguration>Deny</EmptyReferConfiguration>",
            "<EmptyReferConfiguration>Maybe</EmptyReferConfiguration>",
            "<VerifySignatureURL>Enabled</VerifySignatureURL>",
            "<Status>Disabled</Status>",
            "<RefererType>Grey-List</RefererType>",
        ];
        let mut chance = Chance(11);
        for _ in 0..2000 {
            let mut xml = String::new();
            for _ in 0..=chance.below(4) {
                let part = ["IndexDocument", "ErrorDocument", "RedirectAllRequestsTo", "AutoAddressing", "New"]
                    [chance.below(5)];
                let some = chance.some(&leaves);
                xml.extend(["<", part, ">", &some, "</", part, ">"]);
            }
            let mut rules = String::new();
            for _ in 0..=chance.below(3) {
                let (condition, redirect) = (chance.some(&conditions), chance.some(&redirects));
                rules.extend(["<RoutingRule at='1'><Condition>", &condition, "</Condition><Redirect>", &redirect]);
                rules += "</Redirect></RoutingRule>";
            }
            let index = "<IndexDocument><Suffix>i</Suffix></IndexDocument>";
            let xml = format!(
                "<WebsiteConfiguration>{index}{xml}<RoutingRules>{rules}<New/></RoutingRules></WebsiteConfiguration>"
            );
            let (before, mut after) = changed("WebsiteConfiguration", &GetBucketWebsite::new(), &xml, |mut all| {
                all.routing_rules.push(RoutingRule::on_error(403, "added"));
                PutBucketWebsite::new(all)
            });
            let rules = after.children.iter_mut().find(|child| child.name == "RoutingRules").unwrap();
            remove_last(rules, "RoutingRule");
            assert_eq!(before, after, "{xml}");

            let (list, other) = (chance.some(&domains), chance.some(&others));
            let xml = format!(
                "<RefererConfiguration><RefererType>White-List</RefererType><Status>Enabled</Status>{other}\
                 <DomainList><Domain>a</Domain>{list}</DomainList></RefererConfiguration>"
            );
            let (before, mut after) = changed("RefererConfiguration", &GetBucketReferer::new(), &xml, |mut all| {
                all.domains.push("added".to_owned());
                PutBucketReferer::new(all)
            });
            let list = after.children.iter_mut().find(|child| child.name == "DomainList").unwrap();
            let added = Element::new("DomainList").leaf("Domain", "added").children.remove(0);
            list.children.retain(|child| *child != added);
            assert_eq!(before, after, "{xml}");
        }
    }

    /// The order says nothing.
    fn unordered(mut element: Element) -> Element {
        element.children = element.children.into_iter().map(unordered).collect();
        element.children.sort_by_cached_key(|child| format!("{child:?}"));
        element
    }

    #[test]
    fn whatever_others_say_of_domains_and_origins_stays_when_one_is_added() {
        let domain = [
            "<Status>ENABLED</Status>",
            "<Status>PENDING</Status>",
            "<Name>a.test</Name>",
            "<Name>*.test</Name>",
            "<Type>WEBSITE</Type>",
            "<Type>CDN</Type>",
            "<ForcedReplacement>TXT</ForcedReplacement>",
            "<ForcedReplacement>A</ForcedReplacement>",
            "<New><Deep/></New>",
        ];
        let condition = [
            "<HTTPStatusCode>404</HTTPStatusCode>",
            "<HTTPStatusCode>4XX</HTTPStatusCode>",
            "<Prefix>p</Prefix>",
            "<Suffix> s </Suffix>",
            "<FilterHost><ForbidHost/></FilterHost>",
        ];
        let parameter = [
            "<Protocol>HTTPS</Protocol>",
            "<Protocol>QUIC</Protocol>",
            "<FollowQueryString>true</FollowQueryString>",
            "<FollowQueryString>maybe</FollowQueryString>",
            "<TransparentErrorCode>false</TransparentErrorCode>",
            "<HttpRedirectCode>307</HttpRedirectCode>",
            "<HttpRedirectCode>0302</HttpRedirectCode>",
            "<HttpHeader><FollowAllHeaders>true</FollowAllHeaders><NewHttpHeaders>x</NewHttpHeaders></HttpHeader>",
            "<HttpHeader>x</HttpHeader>",
        ];
        let host = [
            "<HostName>a.test</HostName>",
            "<HostName>a b</HostName>",
            "<Weight>1</Weight>",
            "<Weight>+1</Weight>",
            "<StandbyHostName_1>b.test</StandbyHostName_1>",
            "<StandbyHostName_2>c.test</StandbyHostName_2>",
            "<StandbyHostName_01>d.test</StandbyHostName_01>",
            "<PrivateHost><Host>e</Host></PrivateHost>",
        ];
        let file = [
            "<FixedFileConfiguration><FixedFilePath>f</FixedFilePath></FixedFileConfiguration>",
            "<PrefixConfiguration><Prefix>p</Prefix></PrefixConfiguration>",
            "<PrefixConfiguration><Prefix>p</Prefix><ReplacedWithPrefix>q</ReplacedWithPrefix></PrefixConfiguration>",
            "<Prefix>p</Prefix>",
            "<PrefixConfiguration>p</PrefixConfiguration>",
        ];
        let others = [
            "<OriginParameter>x</OriginParameter>",
            "<HTTPStandbyCode><StatusCode>403</StatusCode></HTTPStandbyCode>",
            "<OriginInfo><A/></OriginInfo>",
        ];
        let mut chance = Chance(23);
        for _ in 0..2000 {
            let (mut domains, mut origins) = (String::new(), String::new());
            for _ in 0..=chance.below(3) {
                let some = chance.some(&domain);
                domains.extend(["<DomainRule at='1'><Status>ENABLED</Status>", &some, "</DomainRule>"]);
                let [condition, parameter] = [chance.some(&condition), chance.some(&parameter)];
                let [host, file, other] = [chance.some(&host), chance.some(&file), chance.some(&others)];
                origins.extend(["<OriginRule><RulePriority>7</RulePriority><OriginType>Mirror</OriginType>"]);
                origins.extend(["<OriginCondition><HTTPStatusCode>404</HTTPStatusCode>", &condition]);
                origins.extend([
                    "</OriginCondition><OriginParameter>",
                    &parameter,
                    "<A/></OriginParameter><OriginInfo>",
                ]);
                origins.extend([
                    "<HostInfo><HostName>a.test</HostName></HostInfo><HostInfo>",
                    &host,
                    "<A/></HostInfo>",
                ]);
                origins.extend(["<FileInfo>", &file, "<A/></FileInfo></OriginInfo>", &other, "</OriginRule>"]);
            }
            let xml = format!("<DomainConfiguration new='1'>{domains}<New/></DomainConfiguration>");
            let (before, mut after) = changed("DomainConfiguration", &GetBucketDomain::new(), &xml, |mut all| {
                all.rules.insert(0, DomainRule::new("added.test", DomainType::Rest));
                PutBucketDomain::new(all)
            });
            after.children.retain(|rule| !rule.children.iter().any(|name| name.text() == Some("added.test")));
            assert_eq!(unordered(before), unordered(after), "{xml}");

            let xml = format!("<OriginConfiguration>{origins}<New/></OriginConfiguration>");
            let (before, mut after) = changed("OriginConfiguration", &GetBucketOrigin::new(), &xml, |mut all| {
                all.rules.push(OriginRule::redirect(9, 404, "added.test"));
                PutBucketOrigin::new(all)
            });
            after.children.retain(|rule| !rule.children.iter().any(|priority| priority.text() == Some("9")));
            assert_eq!(unordered(before), unordered(after), "{xml}");
        }
    }

    #[test]
    fn whatever_others_say_of_an_inventory_and_of_tiering_is_written_back() {
        let place = "<COSBucketDestination><Format>CSV</Format><Bucket>qcs::cos:ap-x::b-1</Bucket>";
        let end = "</COSBucketDestination>";
        let places = [
            format!("<Destination>{place}<Prefix>p</Prefix>{end}</Destination>"),
            format!("<Destination>{place}<Encryption><SSE-COS/></Encryption><New/>{end}<New/></Destination>"),
            format!(
                "<Destination>{place}<Encryption><SSE-KMS/></Encryption><AccountId>me</AccountId>{end}</Destination>"
            ),
            format!("<Destination>{place}<Format>ORC</Format>{end}</Destination>"),
            format!("<Destination>{place}{end}{place}{end}</Destination>"),
        ];
        let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
        let filters = [
            "<Filter><Prefix>p</Prefix></Filter>".to_owned(),
            format!("<Filter><And><Prefix>p</Prefix>{tag}</And></Filter>"),
            format!("<Filter><And>{tag}{tag}</And></Filter>"),
            "<Filter><Suffix>.log</Suffix></Filter>".to_owned(),
            "<Filter at='1'><Prefix>p</Prefix></Filter>".to_owned(),
        ];
        let period = format!(
            "<Filter><And>{tag}<StorageClass>A</StorageClass></And><Period><EndTime>5</EndTime></Period></Filter>"
        );
        let mut inventory = vec![
            "<IsEnabled>false</IsEnabled>",
            "<IsEnabled>maybe</IsEnabled>",
            "<IncludedObjectVersions>Current</IncludedObjectVersions>",
            "<IncludedObjectVersions>Some</IncludedObjectVersions>",
            "<OptionalFields><Field>Size</Field><Field/><New/></OptionalFields>",
            "<OptionalFields><New/></OptionalFields>",
            "<Schedule><Frequency>Monthly</Frequency><MonthlyDate>3</MonthlyDate></Schedule>",
            "<Schedule><Frequency>Hourly</Frequency></Schedule>",
            "<New>x</New>",
            period.as_str(),
        ];
        inventory.extend(places.iter().chain(&filters).map(String::as_str));
        let mut tiering = vec![
            "<Status>Disabled</Status>",
            "<Status>Paused</Status>",
            "<Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>91</Days></Tiering>",
            "<Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>0</Days></Tiering>",
            "<Tiering><AccessTier>FROZEN</AccessTier><Days>9</Days></Tiering>",
            "<New><Deep/></New>",
        ];
        tiering.extend(filters.iter().map(String::as_str));
        let mut chance = Chance(13);
        for _ in 0..2000 {
            let (root, some) = ("InventoryConfiguration", chance.some(&inventory));
            let to = &places[chance.below(places.len())];
            let xml = format!(
                "<{root}><Id>a</Id><IsEnabled>true</IsEnabled><IncludedObjectVersions>All</IncludedObjectVersions>{to}\
                 <Schedule><Frequency>Daily</Frequency></Schedule>{some}</{root}>"
            );
            let (before, after) = changed(root, &GetBucketInventory::new("a"), &xml, PutBucketInventory::new);
            assert_eq!(before, after, "{xml}");
            let (root, some) = ("IntelligentTieringConfiguration", chance.some(&tiering));
            let first = "<Tiering><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier><Days>180</Days></Tiering>";
            let xml = format!("<{root} new='1'><Id>a</Id><Status>Enabled</Status>{first}{some}</{root}>");
            let get = GetBucketIntelligentTiering::new("a");
            let (before, after) = changed(root, &get, &xml, PutBucketIntelligentTiering::new);
            assert_eq!(before, after, "{xml}");
        }
    }

    #[test]
    fn whatever_others_say_of_replication_and_logs_stays_when_something_is_added() {
        let in_rule = [
            "<ID> b </ID>",
            "<Status>Paused</Status>",
            "<Status>Disabled</Status>",
            "<Priority>1</Priority>",
            "<Priority>first</Priority>",
            "<Prefix>p</Prefix>",
            "<Prefix/>",
            "<Filter/>",
            "<Filter><Prefix>p</Prefix></Filter>",
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>",
            "<Filter><And><Tag><Key>k</Key></Tag></And></Filter>",
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>",
            "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>",
            "<DeleteMarkerReplication><Status>Disabled</Status><New/></DeleteMarkerReplication>",
            "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>\
             </SourceSelectionCriteria>",
            "<SourceSelectionCriteria><New/></SourceSelectionCriteria>",
            "<New><Deep/></New>",
        ];
        let in_destination = [
            "<Bucket>qcs::cos:ap-beijing::c-1</Bucket>",
            "<StorageClass>ARCHIVE</StorageClass>",
            "<StorageClass/>",
            "<EncryptionConfiguration><ReplicaKmsKeyID>k</ReplicaKmsKeyID></EncryptionConfiguration>",
            "<EncryptionConfiguration/>",
            "<New/>",
        ];
        let in_logging = [
            "<TargetBucket>b-1</TargetBucket>",
            "<TargetBucket>no name</TargetBucket>",
            "<TargetPrefix>p</TargetPrefix>",
            "<TargetPrefix/>",
            "<LoggingRole>r</LoggingRole>",
        ];
        let mut chance = Chance(13);
        for _ in 0..2000 {
            let mut xml = chance.some(&["<New/>", "<Role>qcs::cam::uin/1:uin/2</Role>", "<Role>me</Role>"]);
            for _ in 0..=chance.below(3) {
                let (there, rest) = (chance.some(&in_destination), chance.some(&in_rule));
                xml.extend(["<Rule><Status>Enabled</Status><Destination>", &there, "</Destination>", &rest, "</Rule>"]);
            }
            // No two rules have the same name.
            let xml = xml.split("<Rule>").enumerate().map(|(i, rule)| rule.replace("<ID> b", &format!("<ID> {i}")));
            let xml = xml.collect::<Vec<_>>().join("<Rule>");
            let xml = format!("<ReplicationConfiguration><Role>a</Role>{xml}</ReplicationConfiguration>");
            let root = "ReplicationConfiguration";
            let (before, mut after) = changed(root, &GetBucketReplication::new(), &xml, |mut all| {
                let there = ReplicationDestination::new(&"ap-beijing".parse().unwrap(), &"d-1".parse().unwrap());
                all.rules.push(ReplicationRule::new(there));
                PutBucketReplication::new(all)
            });
            remove_last(&mut after, "Rule");
            assert_eq!(before, after, "{xml}");

            let some = chance.some(&in_logging);
            let xml = format!(
                "<BucketLoggingStatus><New/><LoggingEnabled><TargetBucket>a-1</TargetBucket>{some}</LoggingEnabled>\
                 </BucketLoggingStatus>"
            );
            let (before, after) = changed("BucketLoggingStatus", &GetBucketLogging::new(), &xml, PutBucketLogging::new);
            assert_eq!(before, after, "{xml}");
        }
    }

    #[test]
    fn whatever_the_rules_of_others_say_stays_when_one_is_added() {
        let cors = [
            "<ID>a</ID>",
            "<ID> b </ID>",
            "<AllowedOrigin>http://*</AllowedOrigin>",
            "<AllowedOrigin/>",
            "<AllowedOrigin>*.*</AllowedOrigin>",
            "<AllowedMethod>PUT</AllowedMethod>",
            "<AllowedMethod>put</AllowedMethod>",
            "<AllowedHeader>*</AllowedHeader>",
            "<AllowedHeader> a</AllowedHeader>",
            "<AllowedHeader></AllowedHeader>",
            "<ExposeHeader>ETag</ExposeHeader>",
            "<ExposeHeader>*</ExposeHeader>",
            "<MaxAgeSeconds>5</MaxAgeSeconds>",
            "<MaxAgeSeconds>-5</MaxAgeSeconds>",
            "<MaxAgeSeconds/>",
            "<New/>",
            "<New><Deep>&lt;</Deep><Deep/></New>",
            "<New> </New>",
            "<x:New xmlns:x='y'>]]&gt;</x:New>",
            "<ResponseVary>true</ResponseVary>",
        ];
        let lifecycle = [
            "<ID> b </ID>",
            "<Status>Paused</Status>",
            "<Status>Disabled</Status>",
            "<Filter/>",
            "<Filter><Prefix> p </Prefix></Filter>",
            "<Filter><Prefix>&#10;</Prefix></Filter>",
            "<Filter><Tag><Key>k</Key><Value/></Tag></Filter>",
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v\
             </Value></Tag><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>",
            "<Filter><And><Prefix>p</Prefix><New/>\
             </And></Filter>",
            "<Filter><Prefix>p</Prefix><Prefix>q</Prefix></Filter>",
            "<Filter><And at='1'><Prefix>p\
             </Prefix></And></Filter>",
            "<Prefix>old/</Prefix>",
            "<Prefix/>",
            "<Transition><Days>1</Days><StorageClass>ARCHIVE</StorageClass></Transition>",
            "<Transition><Days>1</Days></Transition>",
            "<Transition><Days>1</Days><StorageClass>A</StorageClass>\
             <AccessFrequency><RecentDays>3</RecentDays></AccessFrequency></Transition>",
            "<Transition><Days>1</Days><StorageClass> </StorageClass></Transition>",
            "<Expiration><Days>7</Days></Expiration>",
            "<Expiration><Days>0</Days></Expiration>",
            "<Expiration/>",
            "<Expiration><Days>7</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>9</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
            "<AbortIncompleteMultipartUpload at='1'/>",
            "<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays>\
             <StorageClass>ARCHIVE</StorageClass></NoncurrentVersionTransition>",
            "<NoncurrentVersionExpiration>\
             <NoncurrentDays>99999</NoncurrentDays></NoncurrentVersionExpiration>",
            "<New>x</New>",
        ];
        let mut chance = Chance(7);
        for _ in 0..2000 {
            let (mut xml, mut rules) = (chance.some(&["<New/>", "<ResponseVary>true</ResponseVary>"]), String::new());
            for _ in 0..=chance.below(3) {
                let some = chance.some(&cors);
                let page = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
                xml.extend(["<CORSRule>", page, &some, "</CORSRule>"]);
                let some = chance.some(&lifecycle);
                rules.extend(["<Rule><Status>Enabled</Status><NewAction/>", &some, "</Rule>"]);
            }
            let xml = format!("<CORSConfiguration new='1'>{xml}</CORSConfiguration>");
            let (before, mut after) = changed("CORSConfiguration", &GetBucketCors::new(), &xml, |mut all| {
                all.rules.push(CorsRule::new("https://added.example", [Method::GET]));
                PutBucketCors::new(all)
            });
            remove_last(&mut after, "CORSRule");
            assert_eq!(before, after, "{xml}");
            let xml = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
            // No two rules have the same name.
            let xml = xml.split("<Rule>").enumerate().map(|(i, rule)| rule.replace("<ID> b", &format!("<ID> {i}")));
            let xml = xml.collect::<Vec<_>>().join("<Rule>");
            let (before, mut after) = changed("LifecycleConfiguration", &GetBucketLifecycle::new(), &xml, |mut all| {
                all.rules.push(LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(7));
                PutBucketLifecycle::new(all)
            });
            remove_last(&mut after, "Rule");
            assert_eq!(before, after, "{xml}");
        }
    }
}
