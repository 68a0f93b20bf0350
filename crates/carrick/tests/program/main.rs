#![cfg(test)]
//! The program as people run it: commands, files that are wrong, states that are kept.

mod api;
mod bad_files;
mod commands;
mod common;
mod image;
mod local_monitoring;
mod local_pods;
mod local_upstream;
mod operator;
mod reloader;
mod up_state;
mod webhooks;
