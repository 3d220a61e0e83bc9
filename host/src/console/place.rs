//! Who asks for a page, and for which tenant.
//!
//! Every handler takes one of the extractors of this file, so none can forget to ask: [`In`] for what belongs to a tenant,
//! [`Signed`] for the rest. A tenant in which the person has no role does not exist for them.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{Method, request::Parts},
};

use super::{
    Console,
    fault::Fault,
    frame::{Frame, Section, tenant_address},
    guard::Trail,
};
use crate::{
    access::{Caller, Needs, Scope, TokenHash},
    domain::codes::TenantCode,
    storage::{Person, TenantRow},
};

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub(super) struct Somebody {
    pub(super) person: Person,
    /// What they may do where.
    pub(super) caller: Caller,
    /// Their session.
    pub(super) session: TokenHash,
}

impl Somebody {
    pub(super) fn new(person: Person, session: TokenHash) -> Somebody {
        let caller = Caller::person(&person.user.id, person.roles.iter().cloned());
        Somebody { person, caller, session }
    }

    /// Whether they may have more tenants than one.
    pub(super) fn has_many_tenants(&self) -> bool {
        self.person.roles.len() > 1 || self.person.roles.iter().any(|(tenant, _)| tenant.is_none())
    }
}

/// Somebody who has signed in, whatever their roles.
pub(super) struct Signed(pub(super) Arc<Somebody>);

impl FromRequestParts<Arc<Console>> for Signed {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _console: &Arc<Console>) -> Result<Self, Fault> {
        let somebody = known(parts)?;
        // Here alone the password may still be due: it is the way to choose one.
        let may_wait = ["/console/password", "/console/sign-out"].contains(&parts.uri.path());
        if somebody.person.user.must_change_password && !may_wait {
            return Err(Fault::PasswordDue);
        }
        Ok(Signed(somebody))
    }
}

fn known(parts: &Parts) -> Result<Arc<Somebody>, Fault> {
    parts.extensions.get::<Arc<Somebody>>().cloned().ok_or_else(|| {
        let asked = parts.uri.path_and_query().map_or("", |asked| asked.as_str());
        // What was to be sent is lost; afterwards the person looks again.
        Fault::NotSignedIn(if parts.method == Method::GET { asked.to_owned() } else { String::new() })
    })
}

/// Somebody who may do `S` in the tenant of the address, which exists.
pub(super) struct In<S> {
    /// The tenant.
    pub(super) tenant: TenantCode,
    /// The tenant as it is.
    pub(super) row: TenantRow,
    /// Who.
    pub(super) somebody: Arc<Somebody>,
    needs: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<Arc<Console>> for In<S> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Fault> {
        let Signed(somebody) = Signed::from_request_parts(parts, console).await?;
        let params = RawPathParams::from_request_parts(parts, console).await;
        let params = params.map_err(|_| Fault::NotFound("This address makes no sense".to_owned()))?;
        let tenant = params.iter().find(|(name, _)| *name == "tenant").map(|(_, code)| code);
        let tenant = TenantCode::from(tenant.unwrap_or_default());
        let nowhere = || Fault::NotFound(format!("There is no tenant {tenant} for you"));
        if !somebody.caller.knows(&tenant) {
            return Err(nowhere());
        }
        let row = console.store.tenant(&tenant).await?.ok_or_else(nowhere)?;
        if let Some(trail) = parts.extensions.get::<Trail>() {
            trail.is_in(&tenant);
        }
        if !somebody.caller.may(S::SCOPE, &tenant) {
            let role = if S::SCOPE == Scope::Admin { "the role admin" } else { "the role operator or admin" };
            return Err(Fault::NotAllowed(role.to_owned()));
        }
        Ok(In { tenant, row, somebody, needs: PhantomData })
    }
}

impl<S> In<S> {
    /// What stands around a page of this tenant.
    pub(super) fn frame(&self, title: &str, section: Section) -> Frame {
        let frame = Frame::of(title, Some(&self.somebody), Some(&self.tenant), section);
        Frame { is_asleep: !self.row.live, ..frame }
    }

    /// Whether the person may do something here.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.somebody.caller.may(scope, &self.tenant)
    }

    /// An address of this tenant.
    pub(super) fn address(&self, parts: &[&str]) -> String {
        tenant_address(&self.tenant, parts)
    }
}

#[cfg(test)]
pub(super) fn sample_somebody(role: crate::access::Role) -> Somebody {
    use crate::storage::User;
    let user = User {
        id: "u1".to_owned(),
        login: "ana@acme.example".to_owned(),
        name: "Ana <&> Co".to_owned(),
        created_at: 0,
        password_set_at: 0,
        must_change_password: false,
        disabled_at: None,
    };
    Somebody::new(Person { user, roles: vec![(None, role)] }, [0; 32])
}
