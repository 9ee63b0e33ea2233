//! `cos du`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use tencent_cos::{ListObjectVersions, ListObjects, StorageClass};

use crate::amount::{Size, counted};
use crate::failure::Outcome;
use crate::output::width;
use crate::session::Session;
use crate::url::PrefixUrl;

pub const EXAMPLES: &str = "\
Examples:
  cos du cos://examplebucket-1250000000
  cos du --versions cos://examplebucket-1250000000/logs/";

/// Sum up how many objects there are and their bytes, by storage class
///
/// Only what a listing shows is counted: without --versions no earlier versions, and never the parts of uploads that
/// did not end, which `cos orphans` shows.
#[derive(Debug, Args)]
pub struct Du {
    /// cos://BUCKET-APPID[/PREFIX]
    #[arg(value_name = "PREFIX")]
    url: PrefixUrl,
    /// Count all versions
    #[arg(long)]
    versions: bool,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    objects: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

pub async fn run(session: &Session, Du { url, versions }: Du) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let (mut classes, mut total) = (BTreeMap::<String, Sum>::new(), Sum::default());
    let mut count = |class: &StorageClass, bytes| {
        classes.entry(class.as_str().to_owned()).or_default().add(bytes);
        total.add(bytes);
    };
    if versions {
        let mut pages = bucket.pages(ListObjectVersions::new().prefix(url.prefix));
        while let Some(page) = pages.next().await.transpose()? {
            // A delete marker has no bytes and no class.
            let versions = page.versions.iter().filter(|version| !version.is_delete_marker);
            versions.for_each(|version| count(&version.storage_class, version.size));
        }
    } else {
        let mut pages = bucket.pages(ListObjects::new().prefix(url.prefix));
        while let Some(page) = pages.next().await.transpose()? {
            page.objects.iter().for_each(|object| count(&object.storage_class, object.size));
        }
    }
    let mut output = session.output();
    let what = if versions { "version" } else { "object" };
    let name_width = width(classes.keys().map(String::len).chain(["total".len()]));
    let count_width = counted(total.objects, what).len();
    let mut print = |kind: &str, name: &str, Sum { objects, bytes }: Sum| {
        let class = (kind == "class").then_some(name);
        let json = || json!({ "type": kind, "storage_class": class, "objects": objects, "bytes": bytes });
        let objects = counted(objects, what);
        output.line(json, format_args!("{name:name_width$}  {objects:>count_width$}  {}", Size(bytes)))
    };
    for (class, sum) in &classes {
        print("class", class, *sum)?;
    }
    print("total", "total", total)?;
    output.finish()
}
