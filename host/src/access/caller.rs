//! Who calls, a program or a person, and what that caller may do where.

use super::{Role, Scope, Scopes};
use crate::domain::codes::TenantCode;

/// Who calls, and what they were granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `key:…` or `user:…`.
    pub who: String,
    /// What is allowed where; without a tenant, in every one.
    grants: Vec<(Option<TenantCode>, Scopes)>,
}

impl Caller {
    /// A program, by the id of its key; without a tenant it is one of every tenant.
    pub fn program(id: &str, tenant: Option<TenantCode>, scopes: Scopes) -> Caller {
        Caller { who: format!("key:{id}"), grants: vec![(tenant, scopes)] }
    }

    /// A person, by their roles; one without a tenant holds in every one.
    pub fn person(id: &str, roles: impl IntoIterator<Item = (Option<TenantCode>, Role)>) -> Caller {
        let grants = roles.into_iter().map(|(tenant, role)| (tenant, role.scopes())).collect();
        Caller { who: format!("user:{id}"), grants }
    }

    /// Whether the tenant exists for this caller.
    pub fn knows(&self, tenant: &TenantCode) -> bool {
        self.grants.iter().any(|(granted, _)| granted.as_ref().is_none_or(|granted| granted == tenant))
    }

    /// Whether it may do something in a tenant.
    pub fn may(&self, scope: Scope, tenant: &TenantCode) -> bool {
        let here = |granted: &Option<TenantCode>| granted.as_ref().is_none_or(|granted| granted == tenant);
        self.grants.iter().any(|(granted, scopes)| here(granted) && scopes.allow(scope))
    }

    /// Whether it may do something in some tenant.
    pub fn may_somewhere(&self, scope: Scope) -> bool {
        self.grants.iter().any(|(_, scopes)| scopes.allow(scope))
    }

    /// Whether it may do something in every tenant, those to come among them.
    pub fn may_everywhere(&self, scope: Scope) -> bool {
        self.grants.iter().any(|(granted, scopes)| granted.is_none() && scopes.allow(scope))
    }
}

/// Names a scope as a type.
pub trait Needs: Send + 'static {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Needs for $name { const SCOPE: Scope = Scope::$name; }
    )*};
}

needs! {
    /// Needs the scope `read`.
    Read
    /// Needs the scope `orders`.
    Orders
    /// Needs the scope `operate`.
    Operate
    /// Needs the scope `admin`.
    Admin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_may_in_each_tenant_what_their_role_there_allows() {
        let roles = [(Some("acme".into()), Role::Admin), (Some("other".into()), Role::Viewer)];
        let ana = Caller::person("ana", roles);
        let (acme, other, third) = ("acme".into(), "other".into(), "third".into());
        assert!(ana.may(Scope::Admin, &acme) && ana.may(Scope::Read, &other));
        assert!(!ana.may(Scope::Operate, &other) && !ana.may(Scope::Read, &third));
        assert!(ana.knows(&other) && !ana.knows(&third));
        assert!(ana.may_somewhere(Scope::Admin) && !ana.may_everywhere(Scope::Read));
        let root = Caller::person("root", [(None, Role::Operator)]);
        assert!(root.knows(&third) && root.may(Scope::Operate, &third) && !root.may(Scope::Admin, &third));
    }
}
