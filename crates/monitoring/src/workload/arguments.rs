//! Command line arguments of the main containers (upstream's `pkg/operator/argument.go`).

use super::WorkloadError;
use crate::api::workload::Argument;

/// What can be a value on a command line or in the environment.
pub(super) trait Text {
    /// The text.
    fn into_text(self) -> String;
}

macro_rules! texts {
    ($($ty:ty),*) => {$(
        impl Text for $ty {
            fn into_text(self) -> String {
                self.to_string()
            }
        }
    )*};
}

texts!(&str, &String, i32, usize, u128);

impl Text for String {
    fn into_text(self) -> String {
        self
    }
}

/// Arguments in order; a name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Arguments(Vec<Argument>);

impl Arguments {
    /// Appends an argument without a value.
    pub(super) fn flag(&mut self, name: &str) {
        self.set(name, "");
    }

    /// Appends an argument; an empty value is written as none.
    pub(super) fn set(&mut self, name: &str, value: impl Text) {
        self.0.push(Argument {
            name: name.to_owned(),
            value: Some(value.into_text()),
        });
    }

    /// Appends an argument if there is a value.
    pub(super) fn set_some(&mut self, name: &str, value: Option<impl Text>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Appends an argument for each value.
    pub(super) fn set_all(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.set(name, value);
        }
    }

    /// The command line with the user's arguments at the end, none of which may be one of ours or its negation.
    pub(super) fn joined(self, additional: &[Argument]) -> Result<Vec<String>, WorkloadError> {
        let names: Vec<&str> = self
            .0
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        let clashes = clashes(&names, additional);
        if !clashes.is_empty() {
            return Err(WorkloadError(format!(
                "can't set arguments which are already managed by the operator: {}",
                clashes.join(",")
            )));
        }
        Ok(self.0.iter().chain(additional).map(written).collect())
    }
}

/// The names of ours that the user's arguments would set or negate.
pub(super) fn clashes(ours: &[&str], additional: &[Argument]) -> Vec<String> {
    let clash = |argument: &Argument| {
        let name = argument.name.as_str();
        let opposite = name
            .strip_prefix("no-")
            .map_or_else(|| format!("no-{name}"), str::to_owned);
        [name.to_owned(), opposite]
            .into_iter()
            .find(|name| ours.contains(&name.as_str()))
    };
    additional.iter().filter_map(clash).collect()
}

fn written(argument: &Argument) -> String {
    match argument.value.as_deref().filter(|value| !value.is_empty()) {
        Some(value) => format!("--{}={value}", argument.name),
        None => format!("--{}", argument.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(name: &str) -> Argument {
        Argument {
            name: name.to_owned(),
            value: None,
        }
    }

    #[test]
    fn arguments_of_users_come_last_and_may_not_undo_ours() {
        let ours = || {
            let mut ours = Arguments::default();
            ours.set("log.level", "debug");
            ours.flag("no-wal");
            ours
        };
        assert_eq!(
            ours().joined(&[argument("x")]).unwrap(),
            ["--log.level=debug", "--no-wal", "--x"]
        );
        for (name, named) in [
            ("log.level", "log.level"),
            ("no-log.level", "log.level"),
            ("wal", "no-wal"),
        ] {
            let refused = ours().joined(&[argument(name)]).unwrap_err().to_string();
            assert!(refused.ends_with(&format!(": {named}")), "{refused}");
        }
    }
}
