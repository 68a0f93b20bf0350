//! Carrick: ships applications to Kubernetes clusters safely and watches them, on a simulated Kubernetes too.
//!
//! `main` is wiring: it picks the allocator and hands the arguments to `cli`. See ARCHITECTURE.md.

mod cli;
mod local;
mod part;
mod tour;

/// glibc keeps the memory of the first lists for ever.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os())
}
