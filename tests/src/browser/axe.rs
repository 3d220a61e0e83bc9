//! axe-core in the page: what would keep somebody from using it.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::Browser;

/// The checker; its version and licence are in `tests/fixtures/axe/README.md`.
const AXE: &str = include_str!("../../fixtures/axe/axe.min.js");

impl Browser {
    /// Checks the page as it is now, against every rule of axe-core.
    ///
    /// # Errors
    /// If anything is wrong with it, saying what and where.
    pub async fn axe(&self) -> Result<()> {
        // The function's own `module` and `define` hide those of a page, if it should have any.
        self.evaluate(&format!("if (!window.axe) {{ {AXE} }}")).await?;
        let script = "const done = arguments[0];
            window.axe.run(document, {resultTypes: ['violations']})
                .then(result => done(result.violations.map(rule => [rule.id, rule.help,
                    rule.nodes.map(node => node.target.join(' ') + ': ' + node.failureSummary)])))
                .catch(error => done([['axe', String(error), []]]))";
        let told = self.driver.execute_async(script, Vec::new()).await?.json().clone();
        let mut found = String::new();
        for rule in told.as_array().into_iter().flatten() {
            let (id, help) = (rule[0].as_str().unwrap_or_default(), rule[1].as_str().unwrap_or_default());
            // Writing to a String cannot fail.
            let _ = write!(found, "\n{id}: {help}");
            for place in rule[2].as_array().into_iter().flatten().take(5) {
                let _ = write!(found, "\n  {}", place.as_str().unwrap_or_default());
            }
        }
        ensure!(told.is_array(), "axe said nothing: {told}");
        ensure!(found.is_empty(), "{} keeps people out:{found}", self.url().await?);
        Ok(())
    }
}
