//! `-v`: what the library traces, a line for each event with the spans it is in.

use std::fmt::{Debug, Write as _};
use std::io::{self, Write as _};

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::OneLine;

/// Tells it on standard error from now on.
pub fn start() {
    let ours = Targets::new().with_target("tencent_cos", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(Lines(Instant::now()).with_filter(ours)).init();
}

struct Lines(Instant);

/// How a span is called on a line, and what it is about.
struct Label {
    text: String,
    target: String,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let Some(span) = context.span(id) else { return };
        let target = fields.take("cos.target");
        let is_known = |label: &Label| label.target == target;
        let known =
            target.is_empty() || span.scope().skip(1).any(|outer| outer.extensions().get().is_some_and(is_known));
        let text = match span.name() {
            "cos.part" => format!("part {}", fields.take("cos.part_number")),
            "cos.refresh" => "key".to_owned(),
            _ if known => fields.take("otel.name"),
            _ => format!("{} {target}", fields.take("otel.name")),
        };
        span.extensions_mut().insert(Label { text, target });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = format!("{:8.3}", self.0.elapsed().as_secs_f64());
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Label { text, .. }) = span.extensions().get() {
                let _ = write!(line, "  {text}");
            }
        }
        let _ = write!(line, ": {}", fields.take("message"));
        for (name, value) in fields.0 {
            let _ = write!(line, " {name}={value}");
        }
        let _ = writeln!(io::stderr(), "{}", OneLine(&line));
    }
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn take(&mut self, name: &str) -> String {
        let at = self.0.iter().position(|(it, _)| *it == name);
        at.map(|at| self.0.remove(at).1).unwrap_or_default()
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}
