//! Who calls and what that caller may do.
//!
//! A caller is known by an API key. Every handler takes one of the extractors of this file, so none can forget to ask:
//! [`In`] for what belongs to a tenant, [`Anywhere`] and [`Everywhere`] for the rest. A tenant that the caller is not of
//! does not exist for it.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use plugin_api::Millis;

pub(super) use crate::access::{Admin, Operate, Orders, Read};

use super::{
    Api,
    guard::Trail,
    problem::{Answer, Kind, Problem},
};
use crate::{
    access::{Caller, Needs, PresentedKey, Scope},
    domain::codes::TenantCode,
    storage::TenantRow,
};

/// A key's last use is noted this often.
const USE_NOTED_MS: Millis = 60_000;

/// Lets a request through whose caller is known, and holds it up if that caller asks too often.
pub(super) async fn authenticate(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    match caller(&api, request.headers()).await {
        Ok(caller) => {
            if let Err(secs) = api.pace.take(&caller.who) {
                return too_often(secs).into_response();
            }
            if let Some(trail) = request.extensions().get::<Trail>() {
                trail.is_by(&caller.who);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn too_often(secs: u64) -> Problem {
    let said = "this caller makes more requests a minute than are taken";
    Problem { retry_after: Some(secs), ..Problem::new(Kind::RateExceeded, said) }
}

async fn caller(api: &Api, headers: &axum::http::HeaderMap) -> Answer<Caller> {
    let missing = || Problem::new(Kind::KeyMissing, "the request has no `Authorization: Bearer` header");
    let sent = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let sent = sent.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, text) = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(missing)?;
    let refused = |why: &str| Problem::new(Kind::KeyRefused, why);
    let presented =
        PresentedKey::read(text.trim()).ok_or_else(|| refused("this is not the text of a key"))?;
    let unknown = || refused("this key is not known here");
    let (key, hash) = api.store.api_key(&presented.id).await?.ok_or_else(unknown)?;
    if !presented.is(&hash) {
        return Err(unknown());
    }
    let now = api.clock.now_ms();
    if key.revoked_at.is_some() {
        return Err(refused("this key was revoked"));
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(refused("this key ran out"));
    }
    if key.last_used_at.is_none_or(|last| now - last >= USE_NOTED_MS)
        && let Err(error) = api.store.api_key_was_used(&key.id, now).await
    {
        tracing::warn!(%error, key = key.id, "the use of a key was not noted");
    }
    Ok(Caller::program(&key.id, key.tenant, key.scopes))
}

/// A caller that may do `S` in the tenant of the address, which exists.
pub(super) struct In<S> {
    /// The tenant.
    pub tenant: TenantCode,
    /// The tenant as it is.
    pub row: TenantRow,
    /// The caller.
    pub caller: Caller,
    needs: PhantomData<S>,
}

/// A caller that may do `S` in some tenant.
pub(super) struct Anywhere<S> {
    /// The caller.
    pub caller: Caller,
    needs: PhantomData<S>,
}

/// A caller that may do `S` in every tenant.
pub(super) struct Everywhere<S> {
    needs: PhantomData<S>,
}

fn known(parts: &Parts) -> Answer<Caller> {
    let caller = parts.extensions.get::<Caller>().cloned();
    caller.ok_or_else(|| Problem::new(Kind::KeyMissing, "the request has no caller"))
}

fn not_allowed(scope: Scope, place: &str) -> Problem {
    Problem::new(Kind::ScopeMissing, format!("this needs the scope `{scope}`{place}"))
}

impl<S: Needs> FromRequestParts<Arc<Api>> for In<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Answer<Self> {
        let caller = known(parts)?;
        let params = RawPathParams::from_request_parts(parts, api).await;
        let params = params.map_err(|error| Problem::new(Kind::PathWrong, error.to_string()))?;
        let tenant =
            params.iter().find(|(name, _)| *name == "tenant").map(|(_, code)| TenantCode::from(code));
        let tenant = tenant.unwrap_or_default();
        let nowhere =
            || Problem::new(Kind::TenantNotFound, format!("tenant {tenant} is not known to this key"));
        if !caller.knows(&tenant) {
            return Err(nowhere());
        }
        let row = api.store.tenant(&tenant).await?.ok_or_else(nowhere)?;
        if !caller.may(S::SCOPE, &tenant) {
            return Err(not_allowed(S::SCOPE, ""));
        }
        if let Some(trail) = parts.extensions.get::<Trail>() {
            trail.is_in(&tenant);
        }
        Ok(In { tenant, row, caller, needs: PhantomData })
    }
}

impl<S: Needs> FromRequestParts<Arc<Api>> for Anywhere<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Answer<Self> {
        let caller = known(parts)?;
        if caller.may_somewhere(S::SCOPE) {
            Ok(Anywhere { caller, needs: PhantomData })
        } else {
            Err(not_allowed(S::SCOPE, ""))
        }
    }
}

impl<S: Needs> FromRequestParts<Arc<Api>> for Everywhere<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Answer<Self> {
        let caller = known(parts)?;
        if caller.may_everywhere(S::SCOPE) {
            Ok(Everywhere { needs: PhantomData })
        } else {
            Err(not_allowed(S::SCOPE, " for every tenant"))
        }
    }
}
