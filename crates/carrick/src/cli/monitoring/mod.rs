//! `carrick monitoring render` and `check`: what would be made of manifests, without a cluster.

mod admit;
mod places;

use std::path::PathBuf;

use ::monitoring::offline::{Problem, Rendered, render};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::message;
use super::{fail, print};
use admit::Definitions;
use places::Placed;

/// Look at objects of monitoring.coreos.com.
#[derive(Args)]
pub struct Monitoring {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the configuration files that would be made of manifests, and the pods that would read them
    Render(Manifests),
    /// Tell what is wrong with manifests, with file and line
    Check(Manifests),
}

#[derive(Args)]
struct Manifests {
    /// Objects as they would be applied, with the Secrets and `ConfigMaps` they refer to; `-` reads standard input; may be
    /// given more than once
    #[arg(short, long, value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
    /// Namespace of objects that name none
    #[arg(short, long, default_value = "default")]
    namespace: String,
}

/// An object and where it stands.
struct Source {
    file: String,
    placed: Placed,
}

impl Monitoring {
    /// Prints files or problems; fails if there are problems.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Render(manifests) => {
                let (rendered, problems) = manifests.rendered()?;
                for warning in &rendered.warnings {
                    message(&format!("warning: {warning}"));
                }
                for file in &rendered.files {
                    print(&format!(
                        "---\n# {}: {}\n{}",
                        file.owner, file.name, file.text
                    ))?;
                }
                report(&problems)
            }
            Command::Check(manifests) => {
                let (rendered, problems) = manifests.rendered()?;
                if problems.is_empty() {
                    message(&format!(
                        "no problems; {} files would be made",
                        rendered.files.len()
                    ));
                }
                report(&problems)
            }
        }
    }
}

fn report(problems: &[String]) -> Result<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        fail(problems.join("\n"))
    }
}

impl Manifests {
    fn rendered(&self) -> Result<(Rendered, Vec<String>)> {
        let mut sources = Vec::new();
        for path in &self.filename {
            let file = path.display().to_string();
            let text = if path.as_os_str() == "-" {
                std::io::read_to_string(std::io::stdin())?
            } else {
                std::fs::read_to_string(path).with_context(|| file.clone())?
            };
            for placed in places::documents(&text).with_context(|| file.clone())? {
                sources.push(Source {
                    file: file.clone(),
                    placed,
                });
            }
        }
        let mut found = Vec::new();
        let definitions = Definitions::new();
        for (object, source) in sources.iter_mut().enumerate() {
            let value = &mut source.placed.value;
            set_namespace(value, &self.namespace);
            let errors = definitions.admit(value).into_iter();
            found.extend(errors.map(|(path, text)| Problem { object, path, text }));
        }
        let objects: Vec<Value> = sources
            .iter()
            .map(|source| source.placed.value.clone())
            .collect();
        let rendered = render(&objects);
        found.extend(rendered.problems.iter().cloned());
        let problems = found
            .iter()
            .filter_map(|problem| Some(sources.get(problem.object)?.tell(problem)))
            .collect();
        Ok((rendered, problems))
    }
}

impl Source {
    /// `FILE:LINE: Kind namespace/name: what is wrong`.
    fn tell(&self, problem: &Problem) -> String {
        let value = &self.placed.value;
        let text = |pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default()
        };
        format!(
            "{}:{}: {} {}/{}: {}",
            self.file,
            self.placed.line(&problem.path),
            text("/kind"),
            text("/metadata/namespace"),
            text("/metadata/name"),
            problem.text
        )
    }
}

/// Objects without a namespace get one; what lives in none keeps none.
fn set_namespace(value: &mut Value, namespace: &str) {
    if value.get("kind").and_then(Value::as_str) == Some("Namespace") {
        return;
    }
    if machinery::meta::namespace(value).is_empty() && value.is_object() {
        machinery::meta::set_namespace(value, namespace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest in a file of its own, gone with it.
    struct Manifest(PathBuf);

    impl Manifest {
        fn new(text: &str) -> Self {
            let name = format!("carrick-monitoring-{}.yaml", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).unwrap();
            Self(path)
        }
    }

    impl Drop for Manifest {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn problems_have_a_file_a_line_and_an_object() {
        let manifest = Manifest::new(
            "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  name: main
spec:
  serviceMonitorSelector: {}
  ruleSelector: {}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: web
spec:
  selector: {}
  endpoints:
  - port: web
  - port: slow
    scrapeTimeout: 1m
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rules
spec:
  groups:
  - name: g
    rules:
    - alert: A
      expr: sum(
",
        );
        let manifests = Manifests {
            filename: vec![manifest.0.clone()],
            namespace: "team".to_owned(),
        };
        let (rendered, problems) = manifests.rendered().unwrap();
        let file = manifest.0.display();
        let begins = [
            format!("{file}:17: ServiceMonitor team/web: "),
            format!("{file}:28: PrometheusRule team/rules: "),
        ];
        assert_eq!(problems.len(), begins.len(), "{problems:?}");
        for (problem, begin) in problems.iter().zip(&begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
        let names: Vec<&str> = rendered.files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["prometheus.yaml", "StatefulSet prometheus-main"]);
    }
}
