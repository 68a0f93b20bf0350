//! What kube-apiserver 1.36 does to objects of the built-in kinds between decoding and storing: defaults
//! (`pkg/apis/*/v1/defaults.go`), strategies (`pkg/registry/*/*/strategy.go`), the admission plugins that only change
//! the object itself, and validation (`pkg/apis/*/validation`). Everything works on decoded, normalised JSON objects in
//! their served version.

pub mod admission;
pub mod defaults;
mod edit;
pub mod strategy;
pub mod validation;

/// What annotations begin with that name the `AppArmor` profile of a container, whose name follows.
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
