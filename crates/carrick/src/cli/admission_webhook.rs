//! The webhooks alone, with the flags of upstream's `admission-webhook` (`cmd/admission-webhook/main.go`): `carrick
//! admission-webhook`, or the program called so.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use clap::Parser;
use http::{HeaderValue, Response, header};
use monitoring::admission::Admission;
use monitoring::metrics::about_the_program;
use monitoring::promql::Options;
use monitoring::rules::Language;
use runtime::health::Health;
use runtime::metrics::process;
use runtime::web::{self, Pages, Server, Site};
use runtime::{Registry, shutdown};

use super::operator::{Defaults, Log, Web, read_as_go};
use super::{VERSION, fail, print};

/// As upstream's program is without flags.
const DEFAULTS: Defaults = Defaults {
    port: 8443,
    tls: true,
};

/// Answers the webhooks of `PrometheusRules` and `AlertmanagerConfigs`, without a Kubernetes.
#[derive(Parser)]
#[command(name = "admission-webhook", disable_version_flag = true)]
pub struct AdmissionWebhook {
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    log: Log,
    /// What names in rules may look like: legacy or utf8
    #[arg(long, default_value = "legacy")]
    name_validation_scheme: String,
    /// Parts of `PromQL` that are switched on: experimental-functions, duration-expression-parsing, extended-range-selectors,
    /// binop-fill-modifiers
    #[arg(
        long,
        value_name = "OPTION,…",
        default_value = "",
        hide_default_value = true
    )]
    promql_options: String,
    /// Accepted, without effect: there is no Go
    #[arg(long)]
    auto_gomemlimit_ratio: Option<f64>,
    /// Print the version, and do nothing else
    #[arg(long)]
    version: bool,
    /// Print the version and nothing else, and do nothing else
    #[arg(long)]
    short_version: bool,
}

/// The arguments of `carrick admission-webhook …` as those of this program; `None` if it is another command.
pub fn asked_for(args: &[OsString]) -> Option<Vec<OsString>> {
    let (program, rest) = args.split_first()?;
    let (command, rest) = rest.split_first()?;
    let is_asked = command == "admission-webhook";
    let called = super::called(program, "admission-webhook");
    is_asked.then(|| [called].into_iter().chain(rest.iter().cloned()).collect())
}

impl AdmissionWebhook {
    /// Reads arguments as Go's programs do: one dash is as good as two.
    ///
    /// # Errors
    /// If they aren't this command's.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        read_as_go(args)
    }

    /// Answers until a signal comes.
    pub fn run(self) -> Result<()> {
        if self.version {
            return print(&format!("admission-webhook, version {VERSION} (Carrick)\n"));
        }
        if self.short_version {
            return print(&format!("{VERSION}\n"));
        }
        self.log.start()?;
        let admission = Admission {
            language: self.language()?,
        };
        let site = Site {
            pages: Some(pages(admission)),
            tls: self.web.tls(DEFAULTS)?,
        };
        let address = self.web.listen(DEFAULTS);
        super::block_on(async {
            let stop = shutdown::on_signals()?;
            let bound = web::listen(address).await;
            let listener = bound.map_err(|error| super::ended(error, super::LISTEN_ADDRESS))?;
            tracing::info!(address = %listener.local_addr()?, tls = site.tls.is_some(), "webhooks are served");
            let server = Server {
                health: health(),
                site,
            };
            stop.or(server.serve(listener)).await;
            Ok(())
        })
    }

    fn language(&self) -> Result<Language> {
        let any_names = match self.name_validation_scheme.as_str() {
            "legacy" => false,
            "utf8" => true,
            other => {
                return fail(format!(
                    "invalid name validation scheme {other:?}\nhint: --name-validation-scheme=legacy or utf8"
                ));
            }
        };
        let mut options = Options::default();
        for option in self.promql_options.split(',') {
            match option.trim() {
                "" => {}
                "experimental-functions" => options.experimental_functions = true,
                "duration-expression-parsing" => options.duration_expressions = true,
                "extended-range-selectors" => options.extended_range_selectors = true,
                "binop-fill-modifiers" => options.fill_modifiers = true,
                other => {
                    return fail(format!(
                        "invalid --promql-options value {other:?}\nhint: experimental-functions, duration-expression-parsing, extended-range-selectors, binop-fill-modifiers"
                    ));
                }
            }
        }
        // Which server will read a rule isn't known here.
        Ok(Language {
            any_names,
            options,
            version: None,
        })
    }
}

fn health() -> Health {
    let registry = Registry::new();
    process::register(&registry);
    registry.collector(|out| {
        about_the_program(out, "prometheus_operator_admission_webhook_build_info");
    });
    Health {
        registry,
        ready: Arc::new(|| true),
    }
}

/// The webhooks, and upstream's text of health.
fn pages(admission: Admission) -> Pages {
    let webhooks = admission.pages();
    Arc::new(move |request| {
        if request.uri().path() != "/healthz" {
            return webhooks(request);
        }
        let mut response = Response::new(Bytes::from_static(br#"{"status":"up"}"#));
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Some(response)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(args: &str) -> Result<Language, String> {
        let args = ["admission-webhook"]
            .into_iter()
            .chain(args.split_whitespace());
        let read = AdmissionWebhook::read(args.map(OsString::from));
        read.map_err(|error| error.to_string())?
            .language()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn help_says_how_it_is_called() {
        let line = ["/bin/carrick", "admission-webhook", "--help"];
        let args = asked_for(&line.map(OsString::from)).unwrap();
        let Err(help) = AdmissionWebhook::read(args) else {
            panic!("no help");
        };
        let help = help.to_string();
        let usage = "Usage: carrick admission-webhook [OPTIONS]\n";
        assert!(help.contains(usage), "{help}");
    }

    #[test]
    fn rules_are_read_as_the_flags_say() {
        assert_eq!(language("").unwrap(), Language::default());
        let made = language("-name-validation-scheme=utf8 --promql-options=experimental-functions,,binop-fill-modifiers").unwrap();
        let expected = Language {
            any_names: true,
            options: Options {
                experimental_functions: true,
                fill_modifiers: true,
                ..Options::default()
            },
            version: None,
        };
        assert_eq!(made, expected);
        for odd in ["--name-validation-scheme=any", "--promql-options=all"] {
            assert!(language(odd).unwrap_err().starts_with("invalid "), "{odd}");
        }
    }
}
