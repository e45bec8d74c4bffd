//! The comparison as a table in Markdown: medians, and the quartiles of the ratios of each round's pairs.

use super::load::{Load, Measured};
use std::fmt::Write;

pub(super) fn median(values: Vec<f64>) -> f64 {
    quartiles(values)[1]
}

/// The lower quartile, the median and the upper quartile.
pub(super) fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |quarters: usize| values.get((values.len().saturating_sub(1) * quarters + 2) / 4).copied();
    [1, 2, 3].map(|quarters| at(quarters).unwrap_or(f64::NAN))
}

/// One round's CPU, and how it compares with the first.
pub(super) fn ratios(row: &[Measured; 3]) -> String {
    let [bare, ..] = row;
    let cells = row.iter().map(|cell| format!("{:.0} µs ({:.2})", cell.cpu_us, cell.cpu_us / bare.cpu_us));
    cells.collect::<Vec<_>>().join(", ")
}

pub(super) fn render(
    loads: &[&Load],
    names: [&str; 3],
    measured: &[Vec<[Measured; 3]>],
    memory_kb: &[u64],
    rounds: usize,
) -> String {
    let mut text = format!(
        "Envoy with one worker, {rounds} interleaved rounds. × bare: median of the paired ratios (quartiles).\n\n\
         | load | Envoy | CPU of 1,000 calls, s | × bare | added latency, ms | RSS, MB |\n\
         |---|---|---|---|---|---|\n"
    );
    for (load, rows) in loads.iter().zip(measured) {
        for (variant, name) in names.iter().enumerate() {
            let of =
                |pick: fn(&Measured) -> f64| move |row: &[Measured; 3]| (pick(&row[variant]), pick(&row[0]));
            let cpu: Vec<(f64, f64)> = rows.iter().map(of(|cell| cell.cpu_us)).collect();
            let latency: Vec<(f64, f64)> = rows.iter().map(of(|cell| cell.latency_ms)).collect();
            let [low, middle, high] = quartiles(cpu.iter().map(|(this, bare)| this / bare).collect());
            let added = median(latency.iter().map(|(this, bare)| this - bare).collect());
            let cpu_s = median(cpu.into_iter().map(|(this, _)| this).collect()) / 1e3;
            let memory = memory_kb.get(variant).map_or(0, |kb| kb / 1024);
            let _written = writeln!(
                text,
                "| {} | {name} | {cpu_s:.3} | {middle:.2} ({low:.2}–{high:.2}) | {added:+.2} ({}) | {memory} |",
                load.name, load.latency_of
            );
        }
    }
    text
}

/// What the filter says of the events it sent: a benchmark in which it dropped them would flatter it.
pub(super) fn events(prometheus: &str) -> String {
    let told = prometheus.lines().filter(|line| {
        ["bursar_events_total{", "bursar_filter_faults_total{", "bursar_outbox_events"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    told.fold("Told by the filter:\n".to_owned(), |text, line| format!("{text}    {line}\n"))
}
