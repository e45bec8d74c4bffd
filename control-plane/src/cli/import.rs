//! `bursar import access-log`: what Envoy's access log knows of calls, booked as if it had come as events.

use super::{
    Answer, Failure, FormatArg, Target,
    remote::{Remote, json},
};
use crate::{
    clock::Clock,
    reports::{Cell, Column, Report, Section},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// What can be taken in.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Book the calls that an access log of Envoy tells of. What is booked already changes nothing
    AccessLog(AccessLogArgs),
}

/// Which logs.
#[derive(Debug, Args)]
pub struct AccessLogArgs {
    /// Files of JSON lines
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The field that has the call's event: `%FILTER_STATE(wasm.bursar_event:PLAIN)%`
    #[arg(long, value_name = "NAME", default_value = "bursar")]
    pub field: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// Events in one request.
const BATCH: usize = 500;
/// A line of a log is no longer.
const LINE_BYTES_MAX: usize = 1 << 20;
/// So many lines that cannot be read are shown.
const SHOWN: usize = 10;

pub(super) fn run(command: ImportCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let ImportCommand::AccessLog(args) = command;
    let mut import = Import {
        remote: args.target.reach(clock)?,
        field: args.field,
        batch: Batch::default(),
        results: BTreeMap::new(),
        lines: 0,
        other: 0,
        bad: Vec::new(),
    };
    for file in &args.files {
        import.read(file)?;
    }
    import.send()?;
    out.write_all(import.report().render(args.format.into()).as_bytes())?;
    Ok(if import.is_whole() { Answer::Yes } else { Answer::No })
}

/// Events of one process of one Envoy.
#[derive(Debug, Default)]
struct Batch {
    node: String,
    boot: String,
    events: Vec<(String, Value)>,
}

struct Import {
    remote: Remote,
    field: String,
    batch: Batch,
    results: BTreeMap<String, u64>,
    lines: u64,
    other: u64,
    bad: Vec<String>,
}

impl Import {
    fn read(&mut self, path: &Path) -> Result<(), Failure> {
        let shown = path.display();
        let cannot = |error: std::io::Error| Failure::Usage(format!("{shown}: {error}"));
        let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
            let read =
                std::io::Read::take(&mut reader, limit).read_until(b'\n', &mut line).map_err(cannot)?;
            if read == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.lines = self.lines.saturating_add(1);
            let place = format!("{shown}:{number}");
            if read == LINE_BYTES_MAX && !line.ends_with(b"\n") {
                let text = format!("{place}: the line is longer than {LINE_BYTES_MAX} bytes");
                return Err(Failure::Usage(text));
            }
            match event(&line, &self.field) {
                Ok(Some(line)) => self.add(place, line)?,
                Ok(None) => self.other = self.other.saturating_add(1),
                Err(fault) => self.bad(&place, &fault),
            }
        }
        Ok(())
    }

    fn add(&mut self, place: String, line: Event) -> Result<(), Failure> {
        let Batch { node, boot, events } = &self.batch;
        if events.len() >= BATCH || (node, boot) != (&line.node, &line.boot) {
            self.send()?;
            (self.batch.node, self.batch.boot) = (line.node, line.boot);
        }
        self.batch.events.push((place, line.event));
        Ok(())
    }

    fn send(&mut self) -> Result<(), Failure> {
        let events = std::mem::take(&mut self.batch.events);
        if events.is_empty() {
            return Ok(());
        }
        let (places, events): (Vec<String>, Vec<Value>) = events.into_iter().unzip();
        let batch = json!({"version": protocol::codec::VERSION, "node": self.batch.node,
            "boot": self.batch.boot, "events": events});
        let answer = json(&self.remote.post("/v1/events", &[], &batch.to_string())?)?;
        let results = answer.get("results").and_then(Value::as_array).into_iter().flatten();
        for (place, item) in places.iter().zip(results) {
            let result = item.get("result").and_then(Value::as_str).unwrap_or("unknown");
            let count = self.results.entry(result.to_owned()).or_default();
            *count = count.saturating_add(1);
            if !matches!(result, "accepted" | "duplicate") {
                let detail = item.get("detail").and_then(Value::as_str).unwrap_or_default();
                self.bad(place, &format!("{result}: {detail}"));
            }
        }
        Ok(())
    }

    fn bad(&mut self, place: &str, fault: &str) {
        self.bad.push(if self.bad.len() < SHOWN { format!("{place}: {fault}") } else { String::new() });
    }

    fn is_whole(&self) -> bool {
        self.bad.is_empty()
    }

    fn report(&self) -> Report {
        let column = |key, title| Column::new(key, title);
        let row = |what: &str, count| vec![Cell::text(what), Cell::Count(count)];
        let of = |result: &str| self.results.get(result).copied().unwrap_or(0);
        let mut notes: Vec<String> = self.bad.iter().take(SHOWN).cloned().collect();
        if self.bad.len() > SHOWN {
            notes.push(format!("and {} more", self.bad.len().saturating_sub(SHOWN)));
        }
        let section = Section {
            key: "lines",
            title: "Lines",
            columns: vec![column("lines", "lines"), column("count", "count")],
            rows: vec![
                row("accepted: booked now", of("accepted")),
                row("duplicate: booked before, the same", of("duplicate")),
                row("conflict: booked before otherwise", of("conflict")),
                row("without a call", self.other),
                row(
                    "not to be read",
                    u64::try_from(self.bad.len()).unwrap_or(0).saturating_sub(of("conflict")),
                ),
            ],
            total: Some(row("all", self.lines)),
            notes,
            empty: "",
        };
        Report { title: "Access log".to_owned(), range: None, sections: vec![section] }
    }
}

struct Event {
    node: String,
    boot: String,
    event: Value,
}

/// The event of a line; nothing, where it is of no call.
fn event(line: &[u8], field: &str) -> Result<Option<Event>, String> {
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("is no JSON: {error}"))?;
    let mut batch = match line.get(field) {
        None | Some(Value::Null) => return Ok(None),
        // What Envoy writes for a request that has none.
        Some(Value::String(text)) if text == "-" || text.is_empty() => return Ok(None),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| format!("{field} is no JSON: {error}"))?
        }
        Some(object) => object.clone(),
    };
    let text = |batch: &Value, key: &str| {
        let text = batch.get(key).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("{field} has no `{key}`"))
    };
    let (node, boot) = (text(&batch, "node")?, text(&batch, "boot")?);
    match batch.get_mut("events").and_then(Value::as_array_mut).map(Vec::as_mut_slice) {
        Some([event]) => Ok(Some(Event { node, boot, event: event.take() })),
        _ => Err(format!("{field} has not one event")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call_or_none_or_says_what_is_wrong() {
        let read = |line: &str| event(line.as_bytes(), "bursar").map(|event| event.map(|event| event.event));
        let batch = r#"{\"node\":\"n\",\"boot\":\"b\",\"events\":[{\"kind\":\"x\"}]}"#;
        assert_eq!(read(&format!(r#"{{"bursar":"{batch}"}}"#)), Ok(Some(json!({"kind": "x"}))));
        for none in [r#"{"path":"/"}"#, r#"{"bursar":null}"#, r#"{"bursar":"-"}"#] {
            assert_eq!(read(none), Ok(None), "{none}");
        }
        for (line, fault) in [
            ("x", "is no JSON"),
            (r#"{"bursar":"{"}"#, "bursar is no JSON"),
            (r#"{"bursar":"{}"}"#, "bursar has no `node`"),
            (r#"{"bursar":{"node":"n","boot":"b","events":[]}}"#, "bursar has not one event"),
        ] {
            assert!(read(line).unwrap_err().starts_with(fault), "{line}");
        }
    }
}
