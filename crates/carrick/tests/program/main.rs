#![cfg(test)]
//! The program as people run it: files that are wrong, states that are kept.

mod bad_files;
mod common;
mod up_state;
