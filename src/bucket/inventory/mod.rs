mod configuration;
mod filter;

use bytes::Bytes;
use http::{Method, Response};

pub use self::configuration::{
    IncludedObjectVersions, InventoryConfiguration, InventoryDestination, InventoryField, InventorySchedule,
};
pub use self::filter::InventoryFilter;
use crate::answer::request_id;
use crate::bucket::setting::{self, Setting};
use crate::error::Result;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::paging::{Paged, Trail, is_truncated, stands_still};
use crate::request::Request;
use crate::xml::{self, Element};

/// Sets an inventory of the bucket, in place of one of the same id.
///
/// It may be repeated freely. A bucket has up to 1 000 inventories.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied` or `InventoryFull`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an id that is empty or has other than letters, digits and `-`,
/// `_`, `.`, without a schedule or a destination, for a filter that COS would not take, and for a field without a name.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{InventoryConfiguration, InventoryDestination, InventorySchedule, PutBucketInventory};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let here = InventoryDestination::new(bucket.region(), bucket.name()).prefix("inventories");
/// let daily = InventoryConfiguration::new("daily", InventorySchedule::Daily, here);
/// bucket.send(PutBucketInventory::new(daily)).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket inventory](https://cloud.tencent.com/document/product/436/33707)
#[doc(alias = "PUT Bucket inventory")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketInventory(InventoryConfiguration);

impl PutBucketInventory {
    /// Sets this.
    pub fn new(configuration: InventoryConfiguration) -> Self {
        Self(configuration)
    }
}

/// Has COS make an inventory of the bucket at once, and once. It is not among those that
/// [`ListBucketInventory`] lists.
///
/// COS takes no id twice within a day, and none of an inventory that is made again and again; so it is not repeated
/// when nobody knows whether it was begun.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket`, `AccessDenied`, or another when the id
/// is taken. [`ErrorKind::Input`](crate::ErrorKind::Input) as for [`PutBucketInventory`], and for one with a schedule,
/// or one that is not enabled.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{InventoryConfiguration, InventoryDestination, PostBucketInventory};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let here = InventoryDestination::new(bucket.region(), bucket.name()).prefix("inventories");
/// let job = bucket.send(PostBucketInventory::new(InventoryConfiguration::once("now", here))).await?;
/// println!("begun: {}", job.job_id.unwrap_or_default());
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [POST Bucket inventory](https://cloud.tencent.com/document/product/436/83382)
#[doc(alias = "POST Bucket inventory")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PostBucketInventory(InventoryConfiguration);

impl PostBucketInventory {
    /// Makes this, one of [`InventoryConfiguration::once`].
    pub fn new(configuration: InventoryConfiguration) -> Self {
        Self(configuration)
    }
}

/// What [`PostBucketInventory`] gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryJob {
    /// The job that makes the inventory; `None` when COS does not say.
    pub job_id: Option<String>,
    request_id: String,
}

impl InventoryJob {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// Reads an inventory of the bucket; `None` when there is none of this id.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an id that no inventory could have.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{GetBucketInventory, PutBucketInventory};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// if let Some(daily) = bucket.send(GetBucketInventory::new("daily")).await? {
///     bucket.send(PutBucketInventory::new(daily.enabled(false))).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket inventory](https://cloud.tencent.com/document/product/436/33705)
#[doc(alias = "GET Bucket inventory")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketInventory(String);

impl GetBucketInventory {
    /// Reads that of this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// Removes an inventory of the bucket; what it wrote stays. Nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for an id that no inventory could have.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketInventory;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketInventory::new("daily")).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket inventory](https://cloud.tencent.com/document/product/436/33704)
#[doc(alias = "DELETE Bucket inventory")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketInventory(String);

impl DeleteBucketInventory {
    /// Removes that of this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

/// Lists the inventories of the bucket, up to 100 a page; [`Bucket::pages`](crate::Bucket::pages) gives all pages.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::ListBucketInventory;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut pages = bucket.pages(ListBucketInventory::new());
/// while let Some(page) = pages.next().await.transpose()? {
///     for inventory in page.configurations {
///         println!("{}", inventory.id);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference:
/// [List Bucket Inventory Configurations](https://cloud.tencent.com/document/product/436/33706)
#[doc(alias = "List Bucket Inventory Configurations")]
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct ListBucketInventory {
    continuation_token: Option<String>,
    trail: Trail,
}

impl ListBucketInventory {
    /// Lists them from the first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lists them from where another page ended.
    pub fn continuation_token(mut self, token: impl Into<String>) -> Self {
        self.continuation_token = Some(token.into());
        self
    }
}

/// One page of [`ListBucketInventory`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryList {
    /// The inventories.
    pub configurations: Vec<InventoryConfiguration>,
    /// Whether there is another page.
    pub is_truncated: bool,
    /// Where the next page begins.
    pub next_continuation_token: Option<String>,
    request_id: String,
}

impl InventoryList {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

setting::calls_by_id! {
    InventoryConfiguration;
    PUT PutBucketInventory, "PUT Bucket inventory", "name/cos:PutBucketInventory";
    GET GetBucketInventory, "GET Bucket inventory", "name/cos:GetBucketInventory";
    DELETE DeleteBucketInventory, "DELETE Bucket inventory", "name/cos:DeleteBucketInventory";
}

impl Operation for PostBucketInventory {
    type Output = InventoryJob;
    type Response = Bytes;
    const NAME: &'static str = "POST Bucket inventory";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PostBucketInventory");

    fn request(&self) -> Result<Request> {
        setting::request_by_id::<InventoryConfiguration>(&self.0.id)?.element("inventory", &self.0.document(false)?)
    }

    fn safety(&self) -> Safety {
        Safety::CreatesState
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<InventoryJob> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        // Some of the references show an answer without a body.
        if body.is_empty() {
            return Ok(InventoryJob { job_id: None, request_id });
        }
        let root = xml::read_whole("PostInventoryResult", head.status.as_u16(), &request_id, &body)?;
        Ok(InventoryJob { job_id: text_of(&root, "JobId"), request_id })
    }
}

impl Operation for ListBucketInventory {
    type Output = InventoryList;
    type Response = Bytes;
    const NAME: &'static str = "List Bucket Inventory Configurations";
    const METHOD: Method = Method::GET;
    // The reference of the tool COSCLI names no other right for it.
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketInventory");

    fn request(&self) -> Result<Request> {
        Ok(Request::bucket().query("inventory", "").query_opt("continuation-token", self.continuation_token.clone()))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<InventoryList> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let root = "ListInventoryConfigurationResult";
        let mut root = xml::read_whole(root, head.status.as_u16(), &request_id, &body)?;
        let is_truncated = is_truncated(text_of(&root, "IsTruncated").as_deref())?;
        let next_continuation_token = text_of(&root, "NextContinuationToken");
        root.children.retain(|child| child.name == InventoryConfiguration::ROOT);
        let configurations = root.children.into_iter().map(InventoryConfiguration::read).collect();
        Ok(InventoryList { configurations, is_truncated, next_continuation_token, request_id })
    }
}

impl Paged for ListBucketInventory {
    fn next_page(&self, output: &InventoryList) -> Result<Option<Self>> {
        match &output.next_continuation_token {
            _ if !output.is_truncated => Ok(None),
            // A token has no order.
            Some(token) if self.continuation_token.as_ref() != Some(token) => {
                let trail = self.trail.to(&(Some(token.clone()), None))?;
                Ok(Some(Self { trail, ..self.clone().continuation_token(token) }))
            }
            _ => Err(stands_still()),
        }
    }
}

/// The text of a child, if there is any.
fn text_of(root: &Element, name: &str) -> Option<String> {
    let child = root.children.iter().find(|child| child.name == name)?;
    child.text().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::ErrorKind;
    use crate::operation::{as_text, read_response};
    use crate::options::StorageClass;
    use crate::region::{BucketName, Region};

    const GOLDEN: &str = include_str!("../../../tests/golden/xml/inventory.xml");

    fn bare(golden: &str) -> String {
        golden.replace('\n', "").replace("    ", "")
    }

    fn answer(status: u16, xml: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(xml.into()).unwrap()
    }

    fn read(xml: impl Into<Bytes>) -> InventoryConfiguration {
        GetBucketInventory::new("a").output(&Sent::default(), answer(200, xml)).unwrap().unwrap()
    }

    fn body(operation: &impl Operation) -> String {
        String::from_utf8(operation.request().unwrap().body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn written(configuration: InventoryConfiguration) -> String {
        body(&PutBucketInventory::new(configuration))
    }

    fn place() -> InventoryDestination {
        let (region, bucket) = (Region::new("ap-guangzhou").unwrap(), BucketName::new("examplebucket-1250000000"));
        InventoryDestination::new(&region, &bucket.unwrap()).prefix("list1")
    }

    fn example() -> InventoryConfiguration {
        let place = place().account_id("100000000001").encrypted(true);
        [
            InventoryField::SIZE,
            InventoryField::LAST_MODIFIED_DATE,
            InventoryField::ETAG,
            InventoryField::STORAGE_CLASS,
            InventoryField::IS_MULTIPART_UPLOADED,
            InventoryField::REPLICATION_STATUS,
            InventoryField::TAG,
            InventoryField::CRC64,
            InventoryField::METADATA,
        ]
        .into_iter()
        .fold(
            InventoryConfiguration::new("list1", InventorySchedule::Daily, place),
            InventoryConfiguration::optional_field,
        )
        .included_object_versions(IncludedObjectVersions::All)
        .filter(InventoryFilter::new().prefix("myPrefix"))
    }

    #[test]
    fn request_as_text() {
        assert_eq!(written(example()), bare(GOLDEN).replace("<SSE-COS></SSE-COS>", "<SSE-COS/>"));
        let put = as_text(&PutBucketInventory::new(example()));
        let (head, _) = put.split_once("\ncontent-md5: ").unwrap();
        assert_eq!(head, "PUT /?inventory&id=list1");
        assert_eq!(as_text(&GetBucketInventory::new("a.b-c_D")), "GET /?inventory&id=a.b-c_D\n[0]");
        assert_eq!(as_text(&DeleteBucketInventory::new("a")), "DELETE /?inventory&id=a\n[0]");
        assert_eq!(as_text(&ListBucketInventory::new()), "GET /?inventory\n[0]");
        let second = ListBucketInventory::new().continuation_token("a+b=");
        assert_eq!(as_text(&second), "GET /?inventory&continuation-token=a%2Bb%3D\n[0]");
        let once = PostBucketInventory::new(InventoryConfiguration::once("now", place()));
        assert_eq!(as_text(&once).split_once('\n').unwrap().0, "POST /?inventory&id=now");
        assert_eq!(
            body(&once),
            "<InventoryConfiguration><Id>now</Id><Destination><COSBucketDestination><Format>CSV</Format><Bucket>qcs::cos:\
             ap-guangzhou::examplebucket-1250000000</Bucket><Prefix>list1</Prefix></COSBucketDestination></Destination>\
             <IncludedObjectVersions>Current</IncludedObjectVersions></InventoryConfiguration>"
        );
    }

    #[test]
    fn output_reads_a_golden_document() {
        assert_eq!(read(GOLDEN), example());
        // As the reference shows it elsewhere.
        assert_eq!(read(GOLDEN.replace("true", "True")), example());
        assert!(!read(GOLDEN.replace("true", "False")).enabled);
        let job = "<PostInventoryResult><JobId>Dgesgeqzd0dd***==</JobId></PostInventoryResult>";
        let post = PostBucketInventory::new(InventoryConfiguration::once("now", place()));
        let begun = post.output(&Sent::default(), answer(200, job)).unwrap();
        assert_eq!((begun.job_id.as_deref(), begun.request_id()), (Some("Dgesgeqzd0dd***=="), "NjQ"));
        // "The response body is empty", says the reference of 2022.
        for silent in ["<PostInventoryResult/>", ""] {
            assert_eq!(post.output(&Sent::default(), answer(200, silent)).unwrap().job_id, None);
        }
        assert_eq!(post.output(&Sent::default(), answer(200, "{}")).unwrap_err().kind(), ErrorKind::Response);
        let put = PutBucketInventory::new(example()).output(&Sent::default(), answer(200, "")).unwrap();
        let delete = DeleteBucketInventory::new("a").output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!((put.request_id(), delete.request_id()), ("NjQ", "NjQ"));
    }

    #[test]
    fn a_filter_says_all_it_can_and_a_schedule_the_day() {
        let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let month = InventorySchedule::Monthly { day: Some(28) };
        let filter = InventoryFilter::new()
            .prefix("p/")
            .tag("k", "v")
            .storage_class(StorageClass::ARCHIVE)
            .start_time(time(1_568_688_761))
            .end_time(time(1_568_688_762));
        let configuration = InventoryConfiguration::new("a", month, place()).filter(filter).enabled(false);
        let xml = written(configuration.clone());
        assert!(xml.contains("<IsEnabled>false</IsEnabled>"), "{xml}");
        let month = "<Schedule><Frequency>Monthly</Frequency><MonthlyDate>28</MonthlyDate></Schedule>";
        let filter = "<Filter><And><Prefix>p/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><StorageClass>ARCHIVE\
                      </StorageClass></And><Period><StartTime>1568688761</StartTime><EndTime>1568688762</EndTime></Period>\
                      </Filter>";
        assert!(xml.contains(&format!("{month}{filter}")), "{xml}");
        assert_eq!(read(xml), configuration);
        // The SDK for Go has a prefix with others only.
        let alone = "<And><Prefix>myPrefix</Prefix></And>";
        let found = read(GOLDEN.replace("<Prefix>myPrefix</Prefix>", alone));
        assert_eq!(found.filter.as_ref().unwrap().prefix.as_deref(), Some("myPrefix"));
        assert!(written(found).contains(&format!("<Filter>{alone}</Filter>")));
        let day = GOLDEN.replace("Daily</Frequency>", "Weekly</Frequency><MonthlyDate></MonthlyDate>");
        assert_eq!(read(day).schedule, Some(InventorySchedule::Weekly));
        let empty = InventoryConfiguration::new("a", InventorySchedule::Weekly, place()).filter(InventoryFilter::new());
        assert!(!written(empty).contains("Filter"));
    }

    #[test]
    fn an_inventory_that_is_not_there_is_none_and_removed() {
        let refusal = |code: &str| answer(404, format!("<Error><Code>{code}</Code></Error>"));
        let get = |code| read_response(&GetBucketInventory::new("a"), &Sent::default(), refusal(code));
        let delete = |code| read_response(&DeleteBucketInventory::new("a"), &Sent::default(), refusal(code));
        assert_eq!(get("InventoryConfigurationNotFoundError").unwrap(), None);
        assert_eq!(delete("InventoryConfigurationNotFoundError").unwrap().request_id(), "NjQ");
        assert!(get("NoSuchBucket").unwrap_err().is_not_found() && delete("NoSuchBucket").is_err());
    }

    #[test]
    fn a_list_goes_on_until_it_ends_and_never_in_a_circle() {
        let told = |xml: String| ListBucketInventory::new().output(&Sent::default(), answer(200, xml));
        let root = "ListInventoryConfigurationResult";
        let page = told(format!(
            "<{root}>{GOLDEN}<IsTruncated>true</IsTruncated><ContinuationToken>t0</ContinuationToken>\
             <NextContinuationToken>t1</NextContinuationToken><New/>{GOLDEN}</{root}>"
        ));
        let page = page.unwrap();
        assert_eq!((&page.configurations[..], page.request_id()), (&[example(), example()][..], "NjQ"));
        let next = ListBucketInventory::new().next_page(&page).unwrap().unwrap();
        assert_eq!(as_text(&next), "GET /?inventory&continuation-token=t1\n[0]");
        assert_eq!(next.next_page(&page).unwrap_err().kind(), ErrorKind::Response);
        let lost = told(format!("<{root}><IsTruncated>true</IsTruncated></{root}>")).unwrap();
        assert_eq!(next.next_page(&lost).unwrap_err().kind(), ErrorKind::Response);
        let end = told(format!("<{root}><IsTruncated>false</IsTruncated></{root}>")).unwrap();
        assert!(next.next_page(&end).unwrap().is_none() && end.configurations.is_empty());
        assert_eq!(told(format!("<{root}/>")).unwrap_err().kind(), ErrorKind::Response);
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let other = |change: fn(&mut InventoryConfiguration)| {
            let mut configuration = example();
            change(&mut configuration);
            configuration
        };
        let late = InventoryFilter::new().start_time(SystemTime::UNIX_EPOCH + Duration::from_secs(9));
        let late = late.end_time(SystemTime::UNIX_EPOCH);
        for (configuration, field) in [
            (other(|all| all.id.clear()), "id"),
            (other(|all| all.id = "a/b".to_owned()), "id"),
            (other(|all| all.schedule = None), "schedule"),
            (other(|all| all.schedule = Some(InventorySchedule::Monthly { day: Some(32) })), "schedule"),
            (other(|all| all.destination = None), "destination"),
            (other(|all| all.destination.as_mut().unwrap().bucket = "b-1".to_owned()), "destination"),
            (other(|all| all.destination.as_mut().unwrap().account_id = Some("me".to_owned())), "account_id"),
            (other(|all| all.included_object_versions = None), "included_object_versions"),
            (example().optional_field(InventoryField::new("")), "optional_fields"),
            (example().optional_field(InventoryField::new("a\u{1}")), "inventory"),
            (example().filter(late), "end_time"),
            (example().filter(InventoryFilter::new().tag("", "v")), "tags"),
        ] {
            let error = PutBucketInventory::new(configuration).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
        let once = || InventoryConfiguration::once("now", place());
        for (configuration, field) in [(example(), "schedule"), (once().enabled(false), "enabled")] {
            let error = PostBucketInventory::new(configuration).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
        for error in [GetBucketInventory::new("").request(), DeleteBucketInventory::new("a b").request()] {
            assert_eq!(error.unwrap_err().field(), Some("id"));
        }
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<InventoryConfiguration a=\"1\"><Id>i</Id><Destination><COSBucketDestination><Format>CSV</Format><Bucket>\
                   qcs::cos:ap-x::b-1</Bucket><AccountId>me</AccountId><Encryption><SSE-KMS/></Encryption>\
                   </COSBucketDestination><Other/></Destination><OptionalFields b=\"2\"><Field>New</Field><Field/><More/>\
                   </OptionalFields><IsEnabled>maybe</IsEnabled><IncludedObjectVersions>Some</IncludedObjectVersions><Filter>\
                   <Suffix>.log</Suffix></Filter><Schedule><Frequency>Hourly</Frequency></Schedule><New/>\
                   </InventoryConfiguration>";
        let found = read(xml);
        let of_root = ["IsEnabled", "IncludedObjectVersions", "Filter", "Schedule", "New"];
        let rest = ["Field", "More", "Other", "AccountId", "Encryption"];
        assert_eq!(found.unknown().collect::<Vec<_>>(), [&of_root[..], &rest[..]].concat());
        assert_eq!((found.enabled, &found.optional_fields[..]), (false, &[InventoryField::new("New")][..]));
        assert_eq!(written(found.clone()), xml);
        let mut scheduled = found.clone();
        scheduled.schedule = Some(InventorySchedule::Daily);
        for changed in [
            found.clone().enabled(true),
            found.clone().included_object_versions(IncludedObjectVersions::All),
            found.clone().filter(InventoryFilter::new().tag("k", "v")),
            scheduled,
        ] {
            assert_eq!(PutBucketInventory::new(changed).request().unwrap_err().field(), Some("inventory"));
        }
        let place = GOLDEN.replace("CSV", "ORC");
        let found = read(place.clone());
        assert_eq!((&found.destination, found.unknown().collect::<Vec<_>>()), (&None, vec!["Destination"]));
        let kept = read(written(found.clone()));
        assert_eq!(kept, found);
        for strange in [
            "<Prefix>a</Prefix><And><Tag><Key>k</Key></Tag></And>",
            "<And><Prefix>a</Prefix><Prefix>b</Prefix></And>",
            "<And><StorageClass>A</StorageClass><New/></And>",
            "<And><Prefix>a</Prefix><StorageClass at=\"1\">A</StorageClass></And>",
            "<And><Prefix>a</Prefix><StorageClass><New/></StorageClass></And>",
            "<And><Tag><Key>k</Key></Tag><Tag><Key>k</Key></Tag></And>",
            "<Period><StartTime>today</StartTime></Period>",
        ] {
            let found = read(bare(GOLDEN).replace("<Prefix>myPrefix</Prefix>", strange));
            assert_eq!((&found.filter, found.unknown().collect::<Vec<_>>()), (&None, vec!["Filter"]), "{strange}");
            assert!(written(found).contains(&format!("<Filter>{strange}</Filter>")), "{strange}");
        }
        for strange in ["<Encryption at=\"1\"><SSE-COS/></Encryption>", "<Encryption><SSE-COS at=\"1\"/></Encryption>"]
        {
            let found = read(bare(GOLDEN).replace("<Encryption><SSE-COS></SSE-COS></Encryption>", strange));
            assert_eq!(found.unknown().collect::<Vec<_>>(), ["Encryption"]);
            assert!(written(found).contains(strange), "{strange}");
        }
        let blank = "<And><Prefix>myPrefix</Prefix><StorageClass> </StorageClass></And>";
        assert_eq!(read(bare(GOLDEN).replace("<Prefix>myPrefix</Prefix>", blank)), example());
    }
}
