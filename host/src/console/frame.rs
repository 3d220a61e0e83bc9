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

    /// The lines of its sign beside its name, in a square of 16.
    fn icon(self) -> &'static str {
        match self {
            Section::Overview => "M2.5 2.5h4v5h-4zM9.5 2.5h4v3h-4zM9.5 8.5h4v5h-4zM2.5 10.5h4v3h-4z",
            Section::Orders => "M2 4.7 8 1.8l6 2.9v6.6l-6 2.9-6-2.9zM2 4.7l6 3 6-3M8 7.7v6.5",
            Section::Attention => "M8 2 14.6 13.6H1.4zM8 6.4v3.4M8 11.6v.2",
            Section::Tasks => "M13.8 8A5.8 5.8 0 1 1 11.9 3.7M12.2 1.4v2.7H9.5M8 5v3.2l2.1 1.3",
            Section::Runs => "M1.5 8.5h3l2-5.5 3 10 2-4.5h3",
            Section::Channels => {
                "M2.2 6 3.2 2.2h9.6L13.8 6M2.2 6a1.9 1.9 0 0 0 3.9 0 1.9 1.9 0 0 0 3.8 0 1.9 1.9 0 0 0 3.9 0M3.2 8.2v5.6h9.6V8.2M6.6 13.8v-3.2h2.8v3.2"
            }
            Section::Connectors => "M6 1.6v3.8M10 1.6v3.8M3.8 5.4h8.4V8a4.2 4.2 0 0 1-8.4 0zM8 12.2v2.2",
            Section::Settings => {
                "M2 4.2h6.6M12.4 4.2H14M2 11.8h1.6M7.4 11.8H14M10.5 2.3a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.8M5.5 9.9a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.8"
            }
            Section::Elsewhere => "",
        }
    }
}

/// A line of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: &'static str,
    pub(super) icon: &'static str,
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
            icon: of.icon(),
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
