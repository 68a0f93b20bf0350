//! The command that a container becomes.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use simulator::nodes::containers::Run;

use super::images::{Image, Program, Surroundings};
use super::{network, paths};

/// Where a container starts.
pub struct Here<'a> {
    /// The folder of its pod.
    pub folder: &'a Path,
    /// The address of its pod.
    pub ip: Ipv4Addr,
    /// The program, where it is one of this machine.
    pub program: Option<&'a Path>,
    /// Names that pods have for each other, and their addresses.
    pub pods: &'a [(String, PathBuf)],
}

/// The command of a container of a known image; an error for the status of the container.
pub fn command(image: &Image, run: &Run, here: &Here<'_>) -> Result<Command, String> {
    let mut own = run.command.iter();
    if own.next().is_some_and(|program| program != image.command) {
        return Err(format!(
            "`command` cannot be replaced in image {}, which carrick runs as a local process; use `args`",
            run.image
        ));
    }
    let volumes = here.folder.join("volumes");
    let table = paths::table(&run.mounts, &volumes);
    let args: Vec<String> = own
        .chain(&run.args)
        .map(|arg| adapted(image, arg, &table, here))
        .collect();
    if args.iter().any(|arg| arg == "--reload-method=signal") {
        return Err(
            "the reload strategy ProcessSignal looks for a process by its name, and on this machine there may be others; use HTTP"
                .to_owned(),
        );
    }
    make_sub_paths(run, &volumes)?;
    let this =
        std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut command = Command::new(&this);
    command.arg("container").arg("--");
    match (image.program, here.program) {
        (Program::Carrick(name), _) => command.arg(&this).arg(name),
        (Program::Installed(_), Some(program)) => command.arg(program),
        (Program::Installed(program), None) => {
            return Err(format!("{} isn't installed", program.package));
        }
    };
    let port = run.ports.first().copied().unwrap_or(image.port);
    let usual = image.args.iter().map(|arg| {
        arg.replace("{ip}", &here.ip.to_string())
            .replace("{port}", &port.to_string())
    });
    let flag = |arg: &str| arg.split('=').next().unwrap_or_default().to_owned();
    command.args(usual.filter(|usual| args.iter().all(|arg| flag(arg) != flag(usual))));
    command.args(&args);
    command.env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    for (name, value) in &run.env {
        command.env(name, paths::rewrite(value, &table));
    }
    let folder = here.folder.join("containers").join(&run.container);
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    command.current_dir(folder);
    Ok(command)
}

/// An argument with what the container's root and network would give.
fn adapted(image: &Image, arg: &str, table: &[(String, PathBuf)], here: &Here<'_>) -> String {
    let arg = paths::rewrite(arg, table);
    match image.surroundings {
        Surroundings::Plain => arg,
        Surroundings::Pod => network::localise(&paths::rewrite(&arg, here.pods), here.ip),
    }
}

/// Folders within volumes that are mounted and aren't there yet.
fn make_sub_paths(run: &Run, volumes: &Path) -> Result<(), String> {
    for mount in run.mounts.iter().filter(|mount| !mount.sub_path.is_empty()) {
        let folder = volumes.join(&mount.volume).join(&mount.sub_path);
        if !folder.exists() {
            std::fs::create_dir_all(&folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use simulator::nodes::containers::Mount;

    use super::super::images;
    use super::*;

    fn run(image: &str, command: &[&str], args: &[&str]) -> Run {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Run {
            pod: "u".to_owned(),
            container: "c".to_owned(),
            image: image.to_owned(),
            command: texts(command),
            args: texts(args),
            env: Vec::new(),
            ports: vec![9090],
            mounts: vec![Mount {
                volume: "config-out".to_owned(),
                path: "/etc/prometheus/config_out".to_owned(),
                sub_path: String::new(),
            }],
        }
    }

    /// The arguments of the program itself.
    fn arguments(run: &Run) -> Result<Vec<String>, String> {
        let folder = std::env::temp_dir().join(format!("carrick-command-{}", std::process::id()));
        let peer = ("p-1.peers".to_owned(), PathBuf::from("127.2.0.8"));
        let here = Here {
            folder: &folder,
            ip: Ipv4Addr::new(127, 2, 0, 7),
            program: Some(Path::new("/usr/bin/program")),
            pods: &[peer],
        };
        let made = command(images::find(&run.image).unwrap(), run, &here);
        let _ = std::fs::remove_dir_all(&folder);
        let folder = folder.to_string_lossy().into_owned();
        let args = made?;
        let args = args.get_args().skip(2);
        Ok(args
            .map(|arg| arg.to_string_lossy().replace(&folder, "POD"))
            .collect())
    }

    #[test]
    fn a_server_listens_at_its_pods_address_and_reads_its_pods_folders() {
        let args = [
            "--config.file=/etc/prometheus/config_out/prometheus.env.yaml",
            "--cluster.peer=p-1.peers:9094",
        ];
        assert_eq!(
            arguments(&run("quay.io/prometheus/prometheus:v2.42.0", &[], &args)).unwrap(),
            [
                "/usr/bin/program",
                "--web.listen-address=127.2.0.7:9090",
                "--config.file=POD/volumes/config-out/prometheus.env.yaml",
                "--cluster.peer=127.2.0.8:9094",
            ]
        );
        let own = ["--web.listen-address=127.0.0.1:9090"];
        assert_eq!(
            arguments(&run("prometheus/prometheus", &[], &own)).unwrap(),
            ["/usr/bin/program", "--web.listen-address=127.2.0.7:9090"]
        );
    }

    #[test]
    fn a_reloader_is_this_program_and_tells_its_own_pod() {
        let image = "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.0";
        let args = ["--reload-url=http://localhost:9090/-/reload"];
        let made = arguments(&run(image, &["/bin/prometheus-config-reloader"], &args)).unwrap();
        assert_eq!(
            made.get(1..).unwrap(),
            [
                "reloader",
                "--delay-interval=100ms",
                "--reload-url=http://127.2.0.7:9090/-/reload"
            ]
        );
        let shell = arguments(&run(image, &["/bin/sh"], &[])).unwrap_err();
        assert!(shell.contains("`command` cannot be replaced"), "{shell}");
        let signal = arguments(&run(image, &[], &["--reload-method=signal"])).unwrap_err();
        assert!(signal.contains("use HTTP"), "{signal}");
    }
}
