//! The variables that `$(NAME)` in a configuration stands for, as a value: nothing reads or writes those of the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Variable with the ordinal of the pod in its StatefulSet.
const ORDINAL: &[u8] = b"STATEFULSET_ORDINAL_NUMBER";

/// Variables and their values, both any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Environment {
    /// From the variables of a process.
    pub fn of_process(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let bytes = |(name, value): (OsString, OsString)| (name.into_vec(), value.into_vec());
        Self {
            variables: variables.into_iter().map(bytes).collect(),
        }
    }

    /// And `STATEFULSET_ORDINAL_NUMBER`: the digits at the end of that variable's value, or nothing.
    #[must_use]
    pub fn with_ordinal_from(mut self, variable: &str) -> Self {
        let value = self.get(variable.as_bytes()).unwrap_or_default();
        let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit());
        let (_, ordinal) = value.split_at(value.len() - digits.count());
        let ordinal = ordinal.to_vec();
        self.variables.insert(ORDINAL.to_vec(), ordinal);
        self
    }

    /// Value of a variable that is set.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.variables.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str, value: &str) -> Environment {
        Environment::of_process([(name.into(), value.into())])
    }

    #[test]
    fn the_ordinal_is_what_digits_a_name_ends_in() {
        for (name, ordinal) in [
            ("prometheus-0", "0"),
            ("prometheus-k8s-012", "012"),
            ("prometheus7", "7"),
            ("prometheus-7a", ""),
            ("a-3-b", ""),
            ("12", "12"),
            ("", ""),
        ] {
            let environment = environment("POD_NAME", name).with_ordinal_from("POD_NAME");
            assert_eq!(environment.get(ORDINAL), Some(ordinal.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_ordinal_of_a_variable_that_is_not_set_is_empty() {
        let environment = environment("A", "1").with_ordinal_from("POD_NAME");
        assert_eq!(environment.get(ORDINAL), Some(&b""[..]));
        assert_eq!(environment.get(b"POD_NAME"), None);
    }
}
