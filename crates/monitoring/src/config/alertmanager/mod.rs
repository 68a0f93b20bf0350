//! The Alertmanager configuration (upstream's `pkg/alertmanager/amcfg.go`): so far what a version doesn't know.

pub mod sanitize;
