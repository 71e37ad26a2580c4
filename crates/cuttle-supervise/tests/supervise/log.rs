//! What was logged, for tests that wait for a message.

use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, PoisonError},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(crate) fn collect() {
    tracing::subscriber::set_global_default(Collector).expect("the first");
}

/// Messages with all of these in them.
pub(crate) fn messages(with: &[&str]) -> Vec<String> {
    let messages = MESSAGES.lock().unwrap_or_else(PoisonError::into_inner);
    messages.iter().filter(|it| with.iter().all(|text| it.contains(text))).cloned().collect()
}

struct Collector;

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cuttle_supervise")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        MESSAGES.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
