//! Rows that wait for approval as a file.

use super::proposals::{Proposals, Waiting};
use crate::{
    prices::PriceRow,
    reports::{Cell, Column, Report, Section},
};

impl Proposals<'_> {
    /// All of them, of one import or of all.
    pub(in crate::console) fn report(&self) -> Report {
        let asked: Vec<(&Waiting, &PriceRow)> = self.asked_for().collect();
        let in_force = self.in_force(asked.iter().map(|(_, row)| &row.key).collect());
        let cells = |(waiting, row): &(&Waiting, &PriceRow)| {
            let before = if waiting.ends { Some(*row) } else { in_force.get(&row.key).copied() };
            let rate = |row: &PriceRow| Cell::text(row.rate.usd_per_unit());
            vec![
                waiting.import.and_then(|id| u64::try_from(id).ok()).map_or(Cell::Empty, Cell::Count),
                Cell::Moment(waiting.imported_at),
                Cell::text(&*row.source.name),
                Cell::Count(row.id),
                Cell::text(&*row.key.provider),
                Cell::text(&*row.key.model),
                Cell::text(row.key.meter.as_str()),
                Cell::text(super::terms(&row.key).join("; ")),
                Cell::text(row.key.meter.unit()),
                before.map_or(Cell::Empty, rate),
                if waiting.ends { Cell::Empty } else { rate(row) },
                Cell::text(&*waiting.reason),
                Cell::text(format!("{} = {}", row.source.key, row.source.text)),
            ]
        };
        let section = Section {
            key: "waiting",
            title: "Prices that wait for approval",
            columns: [
                "import",
                "imported_at",
                "source",
                "row",
                "provider",
                "model",
                "meter",
                "depends_on",
                "unit",
                "rate_usd_in_force",
                "rate_usd_proposed",
                "reason",
                "written",
            ]
            .map(|key| Column::new(key, key))
            .to_vec(),
            rows: asked.iter().map(cells).collect(),
            total: None,
            notes: Vec::new(),
            empty: "Nothing waits.",
        };
        Report { title: "Prices that wait for approval".to_owned(), range: None, sections: vec![section] }
    }
}
