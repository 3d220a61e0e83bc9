//! What stands around every page: who is signed in, for which tenant, where one can go.

use super::{assets, place::Somebody};
use crate::domain::codes::TenantCode;

/// The parts of the console that the navigation names. A new page adds its line to [`Section::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Orders,
    Attention,
    Tasks,
    Runs,
    Channels,
    Connectors,
    Settings,
    /// Not below a tenant, or about the person themselves.
    Elsewhere,
}

impl Section {
    /// In the order in which they are shown: the section, its name, the last part of its address.
    const ALL: &[(Section, &'static str, &'static str)] = &[
        (Section::Overview, "Overview", ""),
        (Section::Orders, "Orders", "orders"),
        (Section::Attention, "Attention", "attention"),
        (Section::Tasks, "Recurrent tasks", "tasks"),
        (Section::Runs, "Runs", "runs"),
        (Section::Channels, "Channels", "channels"),
        (Section::Connectors, "Connectors", "connectors"),
        (Section::Settings, "Settings", "settings"),
    ];
}

/// A line of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: &'static str,
    pub(super) address: String,
    pub(super) is_here: bool,
}

/// What stands around a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// What the window is called.
    pub(super) title: String,
    /// As the person is called; none if nobody is signed in.
    pub(super) person: Option<String>,
    /// The tenant's code.
    pub(super) tenant: Option<String>,
    /// Whether there are other tenants to switch to.
    pub(super) has_others: bool,
    /// The tenant is not synced yet.
    pub(super) is_asleep: bool,
    pub(super) links: Vec<Link>,
}

impl Frame {
    /// The frame of a page of a tenant, or of one outside of tenants.
    pub(super) fn of(
        title: &str,
        somebody: Option<&Somebody>,
        tenant: Option<&TenantCode>,
        section: Section,
    ) -> Frame {
        let link = |tenant: &TenantCode, (of, name, last): &(Section, &'static str, &'static str)| Link {
            name,
            address: match *last {
                "" => tenant_address(tenant, &[]),
                last => tenant_address(tenant, &[last]),
            },
            is_here: *of == section,
        };
        Frame {
            title: title.to_owned(),
            person: somebody.map(|somebody| somebody.person.user.name.clone()),
            tenant: tenant.map(ToString::to_string),
            is_asleep: false,
            has_others: somebody.is_some_and(Somebody::has_many_tenants),
            links: tenant
                .map(|tenant| Section::ALL.iter().map(|part| link(tenant, part)).collect())
                .unwrap_or_default(),
        }
    }

    /// The same frame with another title.
    pub(super) fn titled(self, title: &str) -> Frame {
        Frame { title: title.to_owned(), ..self }
    }

    /// The address of a file that is carried in the program.
    #[expect(clippy::unused_self, reason = "templates reach what they need through their frame")]
    pub(super) fn asset(&self, name: &str) -> &'static str {
        assets::address(name)
    }
}

/// An address below a tenant: `/console/t/acme/orders/OD1`.
pub(super) fn tenant_address(tenant: &TenantCode, parts: &[&str]) -> String {
    let mut whole = vec!["t", tenant.as_str()];
    whole.extend(parts);
    crate::address::path("/console", &whole)
}

#[cfg(test)]
pub(super) fn sample_frame(section: Section) -> Frame {
    use crate::access::Role;
    let somebody = super::place::sample_somebody(Role::Operator);
    Frame::of("Orders", Some(&somebody), Some(&"acme".into()), section)
}
