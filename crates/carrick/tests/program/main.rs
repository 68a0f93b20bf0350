#![cfg(test)]
//! The program as people run it: commands, files that are wrong, states that are kept.

mod api;
mod bad_files;
mod commands;
mod common;
mod image;
mod local_credentials;
mod local_jobs;
mod local_monitoring;
mod local_namespaces;
mod local_operators;
mod local_pods;
mod local_rolling;
mod local_upstream;
mod local_web;
mod operator;
mod place;
mod reloader;
mod site;
mod up_state;
mod webhooks;
