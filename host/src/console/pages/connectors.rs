//! Connectors: which are loaded, which files were refused, what each can report and how that is known, its rate plan.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use plugin_api::{Descriptor, Evidence, Operation, ScopeKind, ShippedBy, Status};

use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When, sentence},
    },
    kept::open_breakers,
    nearest::did_you_mean,
    plugins::{Connector, Refusal},
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/connectors", get(list))
        .route("/console/t/{tenant}/connectors/{connector}", get(one))
}

/// The connectors of the host.
#[derive(Template)]
#[template(path = "connectors.html")]
struct ConnectorsPage {
    frame: Frame,
    rows: Vec<Row>,
    refused: Refused,
}

struct Row {
    id: String,
    address: String,
    name: String,
    version: String,
    speaks: String,
    tasks: String,
    state: Chip,
}

/// Files that were not taken. Where they lie on the host is for those who run it.
enum Refused {
    None,
    Count(usize),
    Files(Vec<(String, String)>),
}

impl Refused {
    fn of(refusals: Vec<Refusal>, may_see: bool) -> Refused {
        let line = |refusal: Refusal| (refusal.path.display().to_string(), sentence(&refusal.sentence));
        match refusals.len() {
            0 => Refused::None,
            count if !may_see => Refused::Count(count),
            _ => Refused::Files(refusals.into_iter().map(line).collect()),
        }
    }
}

/// A connector.
#[derive(Template)]
#[template(path = "connector.html")]
struct ConnectorPage {
    frame: Frame,
    connectors: String,
    row: Row,
    signs_in: String,
    pause: Option<Pause>,
    matrix: Vec<Claims>,
    sources: BTreeSet<String>,
    operations: Vec<Operation>,
}

/// That the marketplace is left in peace for a while.
struct Pause {
    since: When,
    again: When,
    reason: String,
}

/// What can be told about a status: a cell for each of [`COLUMNS`].
#[derive(Debug)]
struct Claims {
    status: &'static str,
    cells: Vec<Option<Chip>>,
}

/// Who ships, how orders are asked for, and how a column of these is headed.
const COLUMNS: [(ShippedBy, ScopeKind, &str); 4] = [
    (ShippedBy::Channel, ScopeKind::Changed, "Channel ships, by what changed"),
    (ShippedBy::Channel, ScopeKind::Orders, "Channel ships, by order"),
    (ShippedBy::Seller, ScopeKind::Changed, "Seller ships, by what changed"),
    (ShippedBy::Seller, ScopeKind::Orders, "Seller ships, by order"),
];

fn matrix(said: &Descriptor) -> Vec<Claims> {
    let mut statuses: Vec<Status> = Vec::new();
    for claim in &said.capabilities {
        if !statuses.contains(&claim.status) {
            statuses.push(claim.status);
        }
    }
    let cell = |status: Status, by: ShippedBy, scope: ScopeKind| {
        let claims = said.capabilities.iter();
        let claims =
            claims.filter(|claim| claim.status == status && claim.shipped_by == by && claim.scope == scope);
        claims.map(|claim| claim.evidence).max().map(|evidence| {
            let tone = match evidence {
                Evidence::Live => Tone::Good,
                Evidence::Documented => Tone::Going,
                Evidence::Assumed => Tone::Look,
            };
            Chip::new(tone, evidence.as_str())
        })
    };
    let row = |status: Status| Claims {
        status: status.as_str(),
        cells: COLUMNS.iter().map(|(by, scope, _)| cell(status, *by, *scope)).collect(),
    };
    statuses.into_iter().map(row).collect()
}

fn row<S>(place: &In<S>, connector: &Connector, is_paused: bool) -> Row {
    let said = &connector.descriptor;
    let state = if connector.is_hung() {
        Chip::new(Tone::Bad, "hangs")
    } else if is_paused {
        Chip::new(Tone::Look, "not asked for a while")
    } else {
        Chip::new(Tone::Good, "loaded")
    };
    Row {
        id: said.id.clone(),
        address: place.address(&["connectors", &said.id]),
        name: said.name.clone(),
        version: connector.version.to_string(),
        speaks: said.api_version.clone(),
        tasks: said.tasks.iter().map(|task| task.as_str()).collect::<Vec<_>>().join(", "),
        state,
    }
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>) -> Shown {
    let registry = Arc::clone(console.served.borrow().engine.registry());
    let open: Vec<String> =
        open_breakers(&*console.store, None).await?.iter().map(|one| one.subject.to_string()).collect();
    let is_paused = |loaded: &Connector| open.contains(&format!("connector {}", loaded.descriptor.id));
    let may_see = place.somebody.caller.may_everywhere(Scope::Admin);
    show(&ConnectorsPage {
        frame: place.frame("Connectors", Section::Connectors),
        rows: registry.list().iter().map(|loaded| row(&place, loaded, is_paused(loaded))).collect(),
        refused: Refused::of(registry.refusals(), may_see),
    })
}

async fn one(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let registry = Arc::clone(console.served.borrow().engine.registry());
    let connector = registry.get(&id).ok_or_else(|| {
        let known: Vec<String> = registry.list().iter().map(|row| row.descriptor.id.clone()).collect();
        let meant = did_you_mean(&id, known.iter().map(String::as_str));
        Fault::NotFound(format!("Connector {id} is not loaded on this host{meant}"))
    })?;
    let (said, now) = (&connector.descriptor, console.clock.now_ms());
    let subject = format!("connector {id}");
    let open = open_breakers(&*console.store, None).await?;
    let open = open.into_iter().find(|open| open.subject.to_string() == subject);
    show(&ConnectorPage {
        frame: place.frame(&said.name, Section::Connectors),
        connectors: place.address(&["connectors"]),
        row: row(&place, &connector, open.is_some()),
        signs_in: said.auth.scheme.clone(),
        pause: open.map(|open| Pause {
            since: When::ago(open.since, now, &place.row.zone),
            again: When::ago(open.probe_at, now, &place.row.zone),
            reason: sentence(&open.reason),
        }),
        matrix: matrix(said),
        sources: said.capabilities.iter().map(|claim| claim.source.clone()).collect(),
        operations: said.operations.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;
    use crate::domain::zone::Zone;

    fn sample_descriptor() -> Descriptor {
        use Evidence::{Assumed, Documented, Live};
        use ScopeKind::{Changed, Orders};
        Descriptor::new("bazaar", "Bazaar", "v1")
            .reports(&[Status::Dispatched], ShippedBy::Channel, &[Changed], Assumed, "a <guess>")
            .reports(&[Status::Dispatched], ShippedBy::Channel, &[Changed, Orders], Live, "seen")
            .reports(&[Status::Returned], ShippedBy::Seller, &[Orders], Documented, "the guide")
            .operation("list <it>", 3.0, 5, "ours")
    }

    fn sample_row() -> Row {
        Row {
            id: "bazaar".to_owned(),
            address: "/console/t/acme/connectors/bazaar".to_owned(),
            name: "Bazaar <b>".to_owned(),
            version: "1.2.3".to_owned(),
            speaks: "v1".to_owned(),
            tasks: "status".to_owned(),
            state: Chip::new(Tone::Good, "loaded"),
        }
    }

    #[test]
    fn the_matrix_tells_the_best_evidence_for_each_status_shipper_and_way_of_asking() {
        let rows = matrix(&sample_descriptor());
        let words = |row: &Claims| -> Vec<String> {
            let cells = row.cells.iter().map(|cell| cell.as_ref().map_or("-".into(), ToString::to_string));
            cells
                .map(|cell| cell.replace("</span>", "").rsplit('>').next().unwrap_or("").to_owned())
                .collect()
        };
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), ["DISPATCHED", "RETURNED"]);
        assert_eq!(words(&rows[0]), ["live", "live", "-", "-"]);
        assert_eq!(words(&rows[1]), ["-", "-", "-", "documented"]);
    }

    #[test]
    fn a_connector_shows_its_matrix_its_rate_plan_and_why_it_is_not_asked() {
        let said = sample_descriptor();
        let page = ConnectorPage {
            frame: sample_frame(Section::Connectors),
            connectors: "/console/t/acme/connectors".to_owned(),
            row: sample_row(),
            signs_in: "a key".to_owned(),
            pause: Some(Pause {
                since: When::ago(0, 0, &Zone::default()),
                again: When::ago(0, 0, &Zone::default()),
                reason: "No answer".to_owned(),
            }),
            matrix: matrix(&said),
            sources: said.capabilities.iter().map(|claim| claim.source.clone()).collect(),
            operations: said.operations,
        };
        let text = page.render().unwrap();
        for part in [
            "Bazaar &#60;b&#62;",
            "documented",
            "list &#60;it&#62;",
            "a &#60;guess&#62;",
            "No answer",
            "1.2.3",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn refused_files_are_counted_for_all_and_explained_to_who_runs_the_host() {
        let refusals =
            || vec![Refusal { path: "/opt/libx.so".into(), sentence: "it is <broken>".to_owned() }];
        let page = |refused, rows| {
            let page = ConnectorsPage { frame: sample_frame(Section::Connectors), rows, refused };
            page.render().unwrap()
        };
        let all = page(Refused::of(refusals(), true), vec![sample_row()]);
        assert!(all.contains("/opt/libx.so") && all.contains("It is &#60;broken&#62;"), "{all}");
        let some = page(Refused::of(refusals(), false), Vec::new());
        assert!(some.contains("1 file was refused") && !some.contains("/opt"), "{some}");
        assert!(some.contains("No connector is loaded"), "{some}");
        assert!(!page(Refused::of(Vec::new(), true), Vec::new()).contains("refused"));
    }
}
