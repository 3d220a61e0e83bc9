//! Filters of the list of orders that somebody gives a name, for everybody in the tenant.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect},
    routing::post,
};

use super::orders_filter::Asked;
use crate::{
    access::Operate,
    console::{
        Console,
        fault::{Fault, Shown},
        place::In,
    },
    storage::SavedFilter,
};

/// The most filters of a tenant: more are no help.
const MOST: usize = 50;
/// The longest name.
const LONGEST: usize = 40;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/orders/filters", post(save))
        .route("/console/t/{tenant}/orders/filters/forget", post(forget))
}

/// A name with the filter that is to have it.
fn read(fields: Vec<(String, String)>) -> Result<(String, Asked), Fault> {
    let (mut named, mut asked) = (String::new(), Asked::default());
    for (name, value) in fields {
        if name == "name" {
            value.trim().clone_into(&mut named);
        } else if !asked.take(&name, &value) {
            return Err(Fault::Refused(format!("The form has no field {name}")));
        }
    }
    if named.is_empty() || named.chars().count() > LONGEST || named.chars().any(char::is_control) {
        return Err(Fault::Refused(format!("A filter's name has 1 to {LONGEST} characters")));
    }
    Ok((named, asked))
}

async fn save(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Shown {
    let (name, asked) = read(fields)?;
    let now = console.clock.now_ms();
    asked.filter(now)?;
    if !asked.is_narrow() {
        return Err(Fault::Refused("A filter that asks for nothing needs no name".to_owned()));
    }
    let known = console.store.saved_filters(&place.tenant).await?;
    if known.len() >= MOST && known.iter().all(|filter| filter.name != name) {
        return Err(Fault::Refused(format!("There are {MOST} filters already; forget one first")));
    }
    let query = asked.query("");
    let filter = SavedFilter { name, query, who: place.somebody.caller.who.clone(), at: now };
    console.store.save_filter(&place.tenant, &filter).await?;
    Ok(Redirect::to(&(place.address(&["orders"]) + filter.query.as_str())).into_response())
}

async fn forget(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Shown {
    let (name, _) = read(fields)?;
    console.store.forget_filter(&place.tenant, &name).await?;
    Ok(Redirect::to(&place.address(&["orders"])).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_gets_a_name_that_can_be_read() {
        let given = |fields: &[(&str, &str)]| {
            read(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let (name, asked) = given(&[("name", " Stuck "), ("unchanged", "2 d")]).unwrap();
        assert_eq!((name.as_str(), asked.unchanged.as_str()), ("Stuck", "2 d"));
        for wrong in
            [&[("unchanged", "2 d")][..], &[("name", " ")], &[("name", "a\nb")], &[("name", "a"), ("x", "")]]
        {
            assert!(matches!(given(wrong), Err(Fault::Refused(_))), "{wrong:?}");
        }
        assert!(given(&[("name", &"x".repeat(LONGEST + 1))]).is_err());
    }
}
