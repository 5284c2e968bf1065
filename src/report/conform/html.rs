//! A report or a matrix as a page that needs nothing else.

use std::collections::BTreeSet;
use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::ConformReport;
use super::matrix::Matrix;
use super::suite::SuiteReport;

/// A page with a section for each server.
pub(super) fn write(reports: &[ConformReport], output: &mut impl Write) -> io::Result<()> {
    let section = |report: &ConformReport| {
        context! { report => Value::from(Serde(report.clone())), counts => report.summary.counts() }
    };
    let sections: Vec<Value> = reports.iter().map(section).collect();
    let outcomes: BTreeSet<&str> =
        reports.iter().flat_map(|report| report.summary.outcomes.keys().map(String::as_str)).collect();
    let title = match reports {
        [one] => one.label.clone(),
        _ => format!("{} servers", reports.len()),
    };
    let page = include_str!("report.html");
    let outcomes: Vec<Value> = outcomes.into_iter().map(Value::from).collect();
    render(page, context! { title, sections, outcomes, style => style() }, output)
}

pub(super) fn write_matrix(matrix: &Matrix, output: &mut impl Write) -> io::Result<()> {
    render(
        include_str!("matrix.html"),
        context! { matrix => Value::from(Serde(matrix)), style => style() },
        output,
    )
}

pub(super) fn write_suite(report: &SuiteReport, output: &mut impl Write) -> io::Result<()> {
    render(
        include_str!("suite.html"),
        context! { report => Value::from(Serde(report)), style => style() },
        output,
    )
}

/// What all pages have in their heads.
fn style() -> Value {
    Value::from_safe_string(include_str!("style.html").to_owned())
}

/// Renders a page. Everything that is put in is escaped.
fn render(page: &str, values: Value, output: &mut impl Write) -> io::Result<()> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let text = environment.render_str(page, values).map_err(io::Error::other)?;
    output.write_all(text.as_bytes())?;
    writeln!(output)
}
