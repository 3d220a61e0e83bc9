//! Documents that are printed from code: what connectors declare, and the rules with their outcomes and codes.
//!
//! Nothing here is written down a second time; a test compares the printed documents with the committed ones.

use std::fmt::Write as _;

use plugin_api::{Descriptor, Evidence, ScopeKind, SettingKind, ShippedBy, Status};

use crate::domain::apply::{Code, Row};

/// The columns of the capability matrix.
pub const COLUMNS: [(&str, Status); 6] = [
    ("dispatched", Status::Dispatched),
    ("cancelled", Status::Cancelled),
    ("delivered", Status::Delivered),
    ("courier return", Status::CourierReturn),
    ("customer return", Status::ReturnRequested),
    ("returned", Status::Returned),
];

/// What the letters of the matrix mean.
pub const LEGEND: &str = "L seen on a live account, D documented, A assumed; lower case: only for orders that are asked for by id; \
                          - not reported.";

/// A cell of the matrix: the best evidence for a status, in lower case if only orders asked for by id show it.
pub fn cell(said: &Descriptor, status: Status, by: ShippedBy) -> String {
    let claims = || said.capabilities.iter().filter(|claim| claim.status == status && claim.shipped_by == by);
    let Some(best) = claims().map(|claim| claim.evidence).max() else { return "-".to_owned() };
    let letter = match best {
        Evidence::Live => 'L',
        Evidence::Documented => 'D',
        Evidence::Assumed => 'A',
    };
    let is_in_lists = claims().any(|claim| claim.scope == ScopeKind::Changed);
    if is_in_lists { letter.to_string() } else { letter.to_lowercase().to_string() }
}

/// The capability matrix in Markdown; kinds of orders that are not followed are left out.
pub fn matrix(descriptors: &[Descriptor]) -> String {
    let mut page = String::from("| connector | orders shipped by |");
    for (name, _) in COLUMNS {
        let _ = write!(page, " {name} |");
    }
    page.push_str("\n|---|---|");
    page.push_str(&"---|".repeat(COLUMNS.len()));
    page.push('\n');
    for said in descriptors {
        for by in [ShippedBy::Channel, ShippedBy::Seller].into_iter().filter(|by| said.follows(*by)) {
            let _ = write!(page, "| {} | {} |", said.id, by.as_str().to_lowercase());
            for (_, status) in COLUMNS {
                let _ = write!(page, " {} |", cell(said, status, by));
            }
            page.push('\n');
        }
    }
    page
}

/// A connector's page in Markdown: settings, statuses, limits, and what to do about its errors.
pub fn connector(said: &Descriptor) -> String {
    let mut page = format!("# {}\n\nConnector `{}`. Speaks {}.\n", said.name, said.id, said.api_version);
    let tasks: Vec<&str> = said.tasks.iter().map(|task| task.as_str()).collect();
    let _ = writeln!(
        page,
        "Serves the tasks {}. Signs in by {} ({}).",
        tasks.join(", "),
        said.auth.scheme,
        said.auth.source
    );

    page.push_str(
        "\n## Settings\n\n| key | holds | needed | default | what it is |\n|---|---|---|---|---|\n",
    );
    for setting in &said.settings {
        let holds = match &setting.kind {
            SettingKind::Text if setting.secret => "a secret".to_owned(),
            SettingKind::Text => "text".to_owned(),
            SettingKind::Url => "a URL".to_owned(),
            SettingKind::Integer => "a whole number".to_owned(),
            SettingKind::Bool => "true or false".to_owned(),
            SettingKind::Choice(values) => values.join(" or "),
            SettingKind::Table => "a table".to_owned(),
        };
        let default = setting.default.as_ref().map_or_else(String::new, |value| format!("`{value}`"));
        let needed = if setting.required { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| `{}` | {} | {needed} | {default} | {} |",
            setting.name,
            escape(&holds),
            escape(&setting.help)
        );
    }

    page.push_str("\n## What it reports\n\n| status | orders shipped by | asked | evidence | source |\n|---|---|---|---|---|\n");
    for claim in &said.capabilities {
        let asked = match claim.scope {
            ScopeKind::Changed => "what changed",
            ScopeKind::Orders => "by id",
        };
        let by = claim.shipped_by.as_str().to_lowercase();
        let _ = writeln!(
            page,
            "| {} | {by} | {asked} | {} | {} |",
            claim.status,
            claim.evidence.as_str(),
            escape(&claim.source)
        );
    }

    page.push_str("\n## Status tables\n\nA word that is not here is reported as `UNMAPPED`, with its text, and changes nothing.\n");
    let mut vocabulary = "";
    for row in &said.statuses {
        if row.vocabulary != vocabulary {
            vocabulary = &row.vocabulary;
            let _ = writeln!(
                page,
                "\n### {vocabulary}\n\n| the marketplace's word | status | note | source |\n|---|---|---|---|"
            );
        }
        let status = row.status.map_or("none: says nothing about the goods", Status::as_str);
        let _ = writeln!(
            page,
            "| `{}` | {status} | {} | {} |",
            escape(&row.raw),
            escape(&row.note),
            escape(&row.source)
        );
    }

    let limits = &said.limits;
    let _ = write!(
        page,
        "\n## Limits\n\nPages of {}, {} orders a question by id, windows of {} h at most, {} days back at most, changes may show {} s \
         late. Source: {}.\n\n| call | a second | at once | source |\n|---|---|---|---|\n",
        limits.page_size,
        limits.batch_size,
        limits.window_secs / 3_600,
        limits.look_back_secs / 86_400,
        limits.settle_secs,
        limits.source
    );
    for operation in &said.operations {
        let (name, rate, burst) = (&operation.name, operation.per_second, operation.burst);
        let _ = writeln!(page, "| `{name}` | {rate} | {burst} | {} |", escape(&operation.source));
    }

    page.push_str(
        "\n## Errors, and what to do\n\n| kind | what to do |\n|---|---|\n\
         | `config` | Mend the setting that the message names: `statusync channel set`. |\n\
         | `auth` | Renew the credentials: `statusync channel set --secrets FILE`. |\n\
         | `rate_limited` | Nothing; the next run goes on after the wait. |\n\
         | `unavailable` | Nothing, unless it lasts; the next run asks again. |\n\
         | `bad_request`, `bad_reply`, `plugin_fault` | Tell the channel team, with the run's id. |\n",
    );
    page
}

/// The rules with their sentences, and the codes with what to do about them, in Markdown.
pub fn rules() -> String {
    let mut page = String::from(
        "# Rules\n\nEach decision names the rows that made it.\n\n| row | what it says |\n|---|---|\n",
    );
    for row in Row::ALL {
        let _ = writeln!(page, "| {row} | {} |", escape(row.sentence()));
    }
    page.push_str("\n# Codes\n\n| code | what to do |\n|---|---|\n");
    for code in Code::ALL {
        let _ = writeln!(page, "| `{}` | {} |", code.as_str(), escape(code.remedy()));
    }
    page
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_best_evidence_and_whether_lists_have_it() {
        let said = Descriptor::new("x", "X", "1")
            .reports(&[Status::Dispatched], ShippedBy::Channel, &[ScopeKind::Changed], Evidence::Assumed, "s")
            .reports(
                &[Status::Dispatched],
                ShippedBy::Channel,
                &[ScopeKind::Orders],
                Evidence::Documented,
                "s",
            )
            .reports(&[Status::Delivered], ShippedBy::Channel, &[ScopeKind::Orders], Evidence::Live, "s");
        assert_eq!(cell(&said, Status::Dispatched, ShippedBy::Channel), "D");
        assert_eq!(cell(&said, Status::Delivered, ShippedBy::Channel), "l");
        assert_eq!(cell(&said, Status::Dispatched, ShippedBy::Seller), "-");
        let expected = "| x | channel | D | - | l | - | - | - |";
        assert_eq!(
            matrix(&[said]).lines().nth(2),
            Some(expected),
            "orders that sellers ship are not followed and have no line"
        );
    }
}
