//! What this crate traces on a thread, as a tree.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support;

/// A span or an event.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Of an event, its message.
    pub name: String,
    /// The span it is in, by its place among all.
    pub within: Option<usize>,
    pub fields: BTreeMap<&'static str, String>,
    /// Whether the span is closed.
    pub over: bool,
}

impl Entry {
    #[track_caller]
    pub fn number(&self, field: &str) -> u64 {
        self.fields[field].parse().expect("a number")
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.name = value;
        } else {
            self.fields.insert(field.name(), value);
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub spans: Vec<Entry>,
    pub events: Vec<Entry>,
}

impl Tree {
    /// The spans of this name, with their places.
    pub fn named(&self, name: &str) -> Vec<(usize, &Entry)> {
        self.spans.iter().enumerate().filter(|(_, span)| span.name == name).collect()
    }

    #[track_caller]
    pub fn only(&self, name: &str) -> (usize, &Entry) {
        let found = self.named(name);
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        found[0]
    }

    pub fn events(&self, message: &str) -> Vec<&Entry> {
        self.events.iter().filter(|event| event.name == message).collect()
    }

    /// The names of the spans that an entry is in, from the outermost.
    pub fn path(&self, entry: &Entry) -> Vec<&str> {
        let Some(place) = entry.within else { return Vec::new() };
        let span = &self.spans[place];
        [self.path(span), vec![span.text("otel.name").unwrap_or(&span.name)]].concat()
    }

    /// The names of operations that are in this span, without those deeper down.
    pub fn operations_in(&self, place: usize) -> Vec<&str> {
        let spans = self.named("cos.operation").into_iter().filter(|(_, span)| span.within == Some(place));
        spans.map(|(_, span)| span.text("otel.name").expect("a name")).collect()
    }

    /// The name of the operation of each attempt, sorted.
    pub fn attempts(&self) -> Vec<String> {
        let attempts = self.events.iter().filter(|event| event.name.starts_with("attempt "));
        let operations = attempts.map(|event| &self.spans[event.within.expect("in an operation")]);
        let mut names: Vec<_> = operations.map(|span| span.fields["otel.name"].clone()).collect();
        names.sort();
        names
    }

    /// All that was recorded, line by line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in self.spans.iter().chain(&self.events) {
            let _ = writeln!(text, "{}", entry.name);
            for (name, value) in &entry.fields {
                let _ = writeln!(text, "{name}={value}");
            }
        }
        text
    }
}

/// Records until it is dropped.
pub struct Trace {
    layer: Capture,
    _guard: DefaultGuard,
}

impl Trace {
    pub fn start() -> Self {
        Self::of(LevelFilter::TRACE)
    }

    /// What this lets through.
    pub fn of(filter: impl Layer<Registry> + Send + Sync) -> Self {
        let layer = Capture::default();
        let guard = support::record(tracing_subscriber::registry().with(filter).with(layer.clone()));
        Self { layer, _guard: guard }
    }

    pub fn tree(&self) -> Tree {
        self.layer.0.lock().expect("no panic").clone()
    }
}

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Tree>>);

/// A span's place: ids are given again to other spans.
struct Place(usize);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut tree = self.0.lock().expect("no panic");
        let span = context.span(id).expect("it is new");
        let within = span.parent().and_then(|it| it.extensions().get::<Place>().map(|it| it.0));
        let mut entry = Entry { name: span.name().to_owned(), within, ..Entry::default() };
        attributes.record(&mut entry);
        span.extensions_mut().insert(Place(tree.spans.len()));
        tree.spans.push(entry);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let place = place(id, &context);
        values.record(&mut self.0.lock().expect("no panic").spans[place]);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target().starts_with("tencent_cos") {
            let within = context.event_span(event).and_then(|it| it.extensions().get::<Place>().map(|it| it.0));
            let mut entry = Entry { within, ..Entry::default() };
            event.record(&mut entry);
            self.0.lock().expect("no panic").events.push(entry);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let place = place(&id, &context);
        self.0.lock().expect("no panic").spans[place].over = true;
    }
}

fn place<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) -> usize {
    context.span(id).and_then(|span| span.extensions().get::<Place>().map(|it| it.0)).expect("it was new once")
}
