//! The config-reloader alone, for an image that holds nothing else. The same as `carrick reloader`.

fn main() -> std::process::ExitCode {
    reloader::main(std::env::args_os().skip(1))
}
