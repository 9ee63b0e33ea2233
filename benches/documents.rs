//! Long documents of settings, as only a hostile server sends them: one whole, next to its parts one by one.
//!
//! What is read in a time that grows with the length costs the same either way; what compares all with all costs as many
//! times more as there are parts. `-- --check` fails when a goal is missed.
#![allow(clippy::disallowed_methods)] // a bench reads the clock

mod support {
    pub mod rounds;
    pub mod words;
}

use std::process::ExitCode;
use std::time::Instant;

use http::Response;
use support::rounds::Rounds;
use support::words::has;
use tencent_cos::{
    GetBucketCors, GetBucketLifecycle, GetBucketWebsite, Operation, PutBucketCors, PutBucketLifecycle,
    PutBucketWebsite, Sent,
};

const PARTS: usize = 20;
/// Elements of a part.
const ELEMENTS: usize = 2_500;
const ROUNDS: usize = 15;
/// The whole over its parts.
const GOAL: f64 = 2.0;

/// A setting: around what there is much of, and read and written.
struct Setting {
    name: &'static str,
    around: [&'static str; 2],
    much: [&'static str; 2],
    judge: fn(String),
}

const SETTINGS: [Setting; 3] = [
    Setting {
        name: "cors",
        around: [
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>",
            "</CORSRule></CORSConfiguration>",
        ],
        much: ["<AllowedHeader>a</AllowedHeader>", "<ID at='1'/>"],
        judge: |xml| {
            let read = GetBucketCors::new().output(&Sent::default(), Response::new(xml.into())).expect("a document");
            drop(PutBucketCors::new(read.expect("a setting")).request());
        },
    },
    Setting {
        name: "lifecycle",
        around: [
            "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><And>",
            "</And></Filter></Rule></LifecycleConfiguration>",
        ],
        much: ["<Tag><Key>a</Key><Value>b</Value></Tag>", "<Other/>"],
        judge: |xml| {
            let read = GetBucketLifecycle::new().output(&Sent::default(), Response::new(xml.into()));
            drop(PutBucketLifecycle::new(read.expect("a document").expect("a setting")).request());
        },
    },
    Setting {
        name: "website",
        around: [
            "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><RoutingRules>",
            "</RoutingRules></WebsiteConfiguration>",
        ],
        much: ["<RoutingRule><Condition/><Redirect/></RoutingRule>", "<Other/>"],
        judge: |xml| {
            let read = GetBucketWebsite::new().output(&Sent::default(), Response::new(xml.into()));
            drop(PutBucketWebsite::new(read.expect("a document").expect("a setting")).request());
        },
    },
];

impl Setting {
    fn document(&self, elements: usize) -> String {
        let [before, behind] = self.around;
        let [one, other] = self.much.map(|element| element.repeat(elements / 2));
        format!("{before}{one}{other}{behind}")
    }
}

fn main() -> ExitCode {
    println!("{:12} {:>10} {:>12} {:>12} {:>8}", "", "whole, ms", "× its parts", "spread", "goal");
    let mut reached = true;
    for setting in &SETTINGS {
        let (whole, part) = (setting.document(PARTS * ELEMENTS), setting.document(ELEMENTS));
        let (mut of_whole, mut of_parts) = (Rounds::default(), Rounds::default());
        for _ in 0..ROUNDS {
            of_whole.push(millis(|| (setting.judge)(whole.clone())));
            of_parts.push(millis(|| (0..PARTS).for_each(|_| (setting.judge)(part.clone()))));
        }
        let over = of_whole.over(&of_parts);
        let (ratio, spread) = (over.median(), over.spread() * 100.0);
        let verdict = if ratio <= GOAL { "reached" } else { "missed" };
        println!("{:12} {:10.1} {ratio:12.2} {spread:11.1}% {verdict:>8}", setting.name, of_whole.median());
        reached &= ratio <= GOAL;
    }
    if has("--check") && !reached { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn millis(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}
