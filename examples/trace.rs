//! Prints the trace of an upload of which one part has to be sent twice.
//!
//! `cargo run --example trace`

mod common;

use std::{fmt, process::ExitCode, time::Duration};

use common::{Outcome, Place};
use cos_emulator::{Action, Rule};
use tencent_cos::transfer::Upload;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FmtSpan, Writer, debug_fn};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::{Layer, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt};

/// A line for each span that begins or ends, and for each event, indented by the spans it is in.
struct Indented;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Indented {
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let depth = context.event_scope().map_or(0, Iterator::count) - usize::from(event.metadata().is_span());
        write!(writer, "{:1$}", "", 3 * depth)?;
        if let Some(span) = context.parent_span().filter(|_| event.metadata().is_span()) {
            let fields = span.extensions();
            write!(writer, "{}{}", span.name(), fields.get::<FormattedFields<N>>().map_or("", |it| &it.fields))?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let fields = debug_fn(|writer, field, value| match field.name() {
        "otel.kind" | "http.request.method" | "server.address" => Ok(()),
        "message" => write!(writer, " {value:?}"),
        name => write!(writer, " {}={value:?}", name.rsplit('.').next().unwrap_or(name)),
    });
    let lines = tracing_subscriber::fmt::layer().with_span_events(FmtSpan::NEW | FmtSpan::CLOSE).fmt_fields(fields);
    let ours = Targets::new().with_target("tencent_cos", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(lines.event_format(Indented).with_ansi(false).with_filter(ours)).init();
    common::finish(run().await)
}

async fn run() -> Outcome {
    let place = Place::find().await?;
    let bucket = place.bucket(place.key(Duration::from_secs(1800)).await?)?;
    if let Place::Emulator(emulator) = &place {
        emulator.script(Rule::on("Upload Part").skip(1).then(Action::status(503, "SlowDown")));
    }
    let source = vec![7; 5 << 19];
    let upload = Upload::new("traced.bin".parse()?, source).part_size(1 << 20).concurrency(1);
    println!("{} parts", bucket.transfer(upload).await?.parts);
    bucket.delete("traced.bin").await?;
    Ok(())
}
