//! Rules and their switches.

use ratel_core::commands::{Call, CommandError, Output};
use ratel_core::options::RuleState;

use super::{Backend, Done, refused};

impl Backend<'_> {
    pub(super) fn list_rules(&self) -> Done {
        let rules = self.options.snapshot().all_rules();
        let row = |rule: &RuleState| {
            let switch = if rule.on { "on" } else { "off" };
            let name = rule.name.clone().unwrap_or_default();
            let hits = format!("{}×", rule.hits);
            [switch, &hits, rule.option, &name, &rule.spec].map(|text| text.as_bytes().to_vec())
        };
        Ok(Output::Table(
            rules.iter().map(|rule| row(rule).to_vec()).collect(),
        ))
    }

    pub(super) fn name_rules(&self) -> Done {
        let rules = self.options.snapshot().all_rules();
        Ok(Output::List(rules.iter().map(RuleState::label).collect()))
    }

    /// Turns a rule's switch round.
    pub(super) fn toggle_rule(&mut self, call: &Call) -> Done {
        let label = call.str(0);
        let rules = self.options.snapshot().all_rules();
        let Some(rule) = rules.iter().find(|rule| rule.label() == label) else {
            return Err(CommandError::Failed(format!("there is no rule '{label}'")));
        };
        self.options
            .switch_rule(rule, !rule.on)
            .map_err(|error| refused(&error))?;
        let state = if rule.on { "off" } else { "on" };
        Ok(Output::Str(format!("{label} is {state}")))
    }
}
