//! The config-reloader of Prometheus Operator's pods, which a crate of its own is.

use std::ffi::OsString;
use std::process::ExitCode;

/// Flags of upstream's config-reloader, which that crate reads itself.
#[derive(clap::Args)]
pub struct ReloaderArgs {
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAGS"
    )]
    pub flags: Vec<OsString>,
}

/// Runs it with these flags, until it is told to stop.
#[cfg(target_os = "linux")]
pub fn main(flags: impl IntoIterator<Item = OsString>) -> ExitCode {
    reloader::main(flags)
}

/// Says that it can't run here.
#[cfg(not(target_os = "linux"))]
pub fn main(_flags: impl IntoIterator<Item = OsString>) -> ExitCode {
    eprintln!(
        "error: the config-reloader watches folders as Linux alone lets it\nhint: run it in the pod's container"
    );
    ExitCode::from(2)
}
