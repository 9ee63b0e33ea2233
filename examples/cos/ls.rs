//! `cos ls`.

use clap::Args;
use serde_json::json;
use tencent_cos::{ListObjects, ObjectList, Paged};

use crate::failure::Outcome;
use crate::output::{Output, time_text};
use crate::session::Session;
use crate::url::PrefixUrl;

#[derive(Debug, Args)]
pub struct Ls {
    /// cos://BUCKET-APPID[/PREFIX]
    #[arg(value_name = "PREFIX")]
    url: PrefixUrl,
    /// List everything behind the prefix, in place of one level
    #[arg(long, short)]
    recursive: bool,
}

pub async fn run(session: &Session, Ls { url, recursive }: Ls) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut list = ListObjects::new().prefix(url.prefix);
    if !recursive {
        list = list.delimiter("/");
    }
    let mut output = session.output();
    loop {
        let page = session.send(&bucket, list.clone()).await?;
        print(&mut output, &page)?;
        match list.next_page(&page)? {
            Some(next) => list = next,
            None => return output.finish(),
        }
    }
}

fn print(output: &mut Output, page: &ObjectList) -> Outcome {
    for prefix in &page.common_prefixes {
        let json = || json!({ "type": "prefix", "prefix": prefix });
        output.line(json, format_args!("{:>20} {:>14}  {prefix}", "", "PRE"))?;
    }
    for object in &page.objects {
        let written = time_text(object.last_modified);
        let json = || {
            json!({
                "type": "object",
                "key": object.key,
                "size": object.size,
                "etag": object.etag,
                "last_modified": written,
                "storage_class": object.storage_class.as_str(),
            })
        };
        let time = written.as_deref().unwrap_or("-");
        output.line(json, format_args!("{time:>20} {:>14}  {}", object.size, object.key))?;
    }
    output.flush()
}
