//! The webhooks (upstream's `pkg/admission`): bytes of a review in, bytes of the answer out.
//!
//! Whoever listens hands a request over and sends back what comes; nothing here knows of connections.

mod alertmanager_config;
mod convert;
mod pages;
mod review;
mod rules;

use crate::rules::Language;

/// Where rules are validated.
pub const RULES_VALIDATE: &str = "/admission-prometheusrules/validate";
/// Where rules are mended.
pub const RULES_MUTATE: &str = "/admission-prometheusrules/mutate";
/// Where AlertmanagerConfigs are validated.
pub const CONFIGS_VALIDATE: &str = "/admission-alertmanagerconfigs/validate";
/// Where AlertmanagerConfigs are converted.
pub const CONVERT: &str = "/convert";

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// The webhooks, and how they read rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admission {
    /// What names and expressions may look like.
    pub language: Language,
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    fn json(value: &serde_json::Value) -> Self {
        Self {
            status: 200,
            content_type: JSON,
            body: value.to_string().into_bytes(),
        }
    }

    fn failure(status: u16, text: &str) -> Self {
        let body = if text.is_empty() {
            String::new()
        } else {
            format!("{text}\n")
        };
        Self {
            status,
            content_type: TEXT,
            body: body.into_bytes(),
        }
    }
}

impl Admission {
    /// What a request is answered with; `None` if the path is none of the webhooks'. Given are path and `Content-Type`, as they
    /// came.
    pub fn answer(&self, path: &str, content_type: Option<&str>, body: &[u8]) -> Option<Answer> {
        let review = |admit: &dyn Fn(&review::Request) -> review::Verdict| {
            review::answer(content_type, body, admit)
        };
        Some(match path {
            RULES_VALIDATE => review(&|request| rules::validate(request, self.language)),
            RULES_MUTATE => review(&rules::mutate),
            CONFIGS_VALIDATE => review(&alertmanager_config::validate),
            CONVERT => convert::answer(body),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
