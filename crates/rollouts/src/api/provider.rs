//! Metric providers (upstream `analysis_types.go`).

use std::collections::BTreeMap;

use super::meta::{IntOrString, PodTemplateMetadata, RawJson};
use super::schema::api_object;

api_object! {
    /// Exactly one source of values.
    pub struct MetricProvider {
        optional {
            /// Prometheus.
            "prometheus" prometheus: Option<Box<PrometheusMetric>>,
            /// Kayenta.
            "kayenta" kayenta: Option<Box<KayentaMetric>>,
            /// An HTTP request.
            "web" web: Option<Box<WebMetric>>,
            /// Datadog.
            "datadog" datadog: Option<Box<DatadogMetric>>,
            /// Wavefront.
            "wavefront" wavefront: Option<Box<WavefrontMetric>>,
            /// New Relic.
            "newRelic" new_relic: Option<Box<NewRelicMetric>>,
            /// A Kubernetes Job.
            "job" job: Option<Box<JobMetric>>,
            /// Amazon CloudWatch.
            "cloudWatch" cloud_watch: Option<Box<CloudWatchMetric>>,
            /// Graphite.
            "graphite" graphite: Option<Box<GraphiteMetric>>,
            /// InfluxDB.
            "influxdb" influxdb: Option<Box<InfluxdbMetric>>,
            /// Apache SkyWalking.
            "skywalking" sky_walking: Option<Box<SkyWalkingMetric>>,
            /// A plugin by name, with its configuration.
            "plugin" plugin: BTreeMap<String, RawJson> as super::crds::any_object(),
        }
    }

    /// A Prometheus query.
    pub struct PrometheusMetric {
        optional {
            /// Address of the server.
            "address" address: String,
            /// PromQL expression.
            "query" query: String,
            /// Credentials.
            "authentication" authentication: Authentication,
            /// Seconds until the query is given up.
            "timeout" timeout: Option<i64>,
            /// Whether to skip verification of the certificate.
            "insecure" insecure: bool,
            /// Headers of the request.
            "headers" headers: Vec<WebMetricHeader>,
            /// Makes it a range query.
            "rangeQuery" range_query: Option<PrometheusRangeQueryArgs>,
        }
    }

    /// Bounds of a range query.
    pub struct PrometheusRangeQueryArgs {
        optional {
            /// Expression for the start.
            "start" start: String,
            /// Expression for the end.
            "end" end: String,
            /// Distance of the points.
            "step" step: String,
        }
    }

    /// Credentials of an HTTP request.
    pub struct Authentication {
        optional {
            /// AWS signature.
            "sigv4" sigv4: Sigv4Config,
            /// OAuth 2 client credentials.
            "oauth2" oauth2: OAuth2Config,
            /// User and password.
            "basicAuth" basic_auth: BasicAuthConfig,
        }
    }

    /// OAuth 2 client credentials.
    pub struct OAuth2Config {
        optional {
            /// Where tokens come from.
            "tokenUrl" token_url: String,
            /// Client identifier.
            "clientId" client_id: String,
            /// Client secret.
            "clientSecret" client_secret: String,
            /// Scopes asked for.
            "scopes" scopes: Vec<String>,
        }
    }

    /// AWS signature.
    pub struct Sigv4Config {
        optional {
            /// AWS region.
            "region" region: String,
            /// Profile of the credentials.
            "profile" profile: String,
            /// Role to assume.
            "roleArn" role_arn: String,
        }
    }

    /// User and password.
    pub struct BasicAuthConfig {
        optional {
            /// User.
            "username" username: String,
            /// Password.
            "password" password: String,
        }
    }

    /// A Wavefront query.
    pub struct WavefrontMetric {
        optional {
            /// Address of the server.
            "address" address: String,
            /// The query.
            "query" query: String,
        }
    }

    /// A New Relic query.
    pub struct NewRelicMetric {
        required {
            /// The query.
            "query" query: String,
        }
        optional {
            /// Secret with the credentials.
            "profile" profile: String,
            /// Seconds until the query is given up.
            "timeout" timeout: Option<i64>,
        }
    }

    /// A Job whose success is the result.
    pub struct JobMetric {
        required {
            /// Spec of the Job.
            "spec" spec: RawJson as super::crds::job_spec(),
        }
        optional {
            /// Metadata of the Job.
            "metadata" metadata: RawJson as PodTemplateMetadata::schema(),
        }
    }

    /// A Graphite query.
    pub struct GraphiteMetric {
        optional {
            /// Address of the server.
            "address" address: String,
            /// The query.
            "query" query: String,
        }
    }

    /// An InfluxDB query.
    pub struct InfluxdbMetric {
        optional {
            /// Secret with the credentials.
            "profile" profile: String,
            /// The query.
            "query" query: String,
        }
    }

    /// A SkyWalking query.
    pub struct SkyWalkingMetric {
        optional {
            /// Address of the server.
            "address" address: String,
            /// The query.
            "query" query: String,
            /// Time span of the query.
            "interval" interval: String,
        }
    }

    /// CloudWatch metric data.
    pub struct CloudWatchMetric {
        required {
            /// Queries of one request.
            "metricDataQueries" metric_data_queries: Vec<CloudWatchMetricDataQuery>,
        }
        optional {
            /// Time span of the request.
            "interval" interval: String,
        }
    }

    /// One query of a CloudWatch request.
    pub struct CloudWatchMetricDataQuery {
        optional {
            /// Identifier within the request.
            "id" id: String,
            /// A metric math expression.
            "expression" expression: Option<String>,
            /// Label of the result.
            "label" label: Option<String>,
            /// A metric.
            "metricStat" metric_stat: Option<CloudWatchMetricStat>,
            /// Seconds between data points.
            "period" period: Option<IntOrString>,
            /// Whether the result is returned.
            "returnData" return_data: Option<bool>,
        }
    }

    /// A metric and its statistic.
    pub struct CloudWatchMetricStat {
        optional {
            /// The metric.
            "metric" metric: CloudWatchMetricStatMetric,
            /// Seconds between data points.
            "period" period: IntOrString,
            /// Statistic.
            "stat" stat: String,
            /// Unit.
            "unit" unit: String,
        }
    }

    /// A metric by name and dimensions.
    pub struct CloudWatchMetricStatMetric {
        optional {
            /// Dimensions.
            "dimensions" dimensions: Vec<CloudWatchMetricStatMetricDimension>,
            /// Name.
            "metricName" metric_name: String,
            /// Namespace.
            "namespace" namespace: Option<String>,
        }
    }

    /// A dimension and its value.
    pub struct CloudWatchMetricStatMetricDimension {
        optional {
            /// Name.
            "name" name: String,
            /// Value.
            "value" value: String,
        }
    }

    /// A Kayenta canary analysis.
    pub struct KayentaMetric {
        required {
            /// Address of the server.
            "address" address: String,
            /// Application.
            "application" application: String,
            /// Name of the canary configuration.
            "canaryConfigName" canary_config_name: String,
            /// Account of the metrics.
            "metricsAccountName" metrics_account_name: String,
            /// Account of the configuration.
            "configurationAccountName" configuration_account_name: String,
            /// Account of the storage.
            "storageAccountName" storage_account_name: String,
            /// Scores that pass.
            "threshold" threshold: KayentaThreshold,
            /// What is compared.
            "scopes" scopes: Vec<KayentaScope>,
        }
        optional {
            /// Whether to compare with the past.
            "lookback" lookback: bool,
        }
    }

    /// Scores that pass.
    pub struct KayentaThreshold {
        required {
            /// Least score of a success.
            "pass" pass: i64,
            /// Least score that is no failure.
            "marginal" marginal: i64,
        }
    }

    /// What is compared with what.
    pub struct KayentaScope {
        required {
            /// Name of the scope.
            "name" name: String,
            /// The old.
            "controlScope" control_scope: ScopeDetail,
            /// The new.
            "experimentScope" experiment_scope: ScopeDetail,
        }
    }

    /// One side of a comparison.
    pub struct ScopeDetail {
        required {
            /// Scope.
            "scope" scope: String,
            /// Region.
            "region" region: String,
            /// Seconds between data points.
            "step" step: i64,
        }
        optional {
            /// Start.
            "start" start: String,
            /// End.
            "end" end: String,
        }
    }

    /// An HTTP request.
    pub struct WebMetric {
        required {
            /// Address.
            "url" url: String,
        }
        optional {
            /// `GET`, `POST` or `PUT`; `GET` if unset.
            "method" method: String,
            /// Headers.
            "headers" headers: Vec<WebMetricHeader>,
            /// Body as text.
            "body" body: String,
            /// Seconds until the request is given up; 10 if unset.
            "timeoutSeconds" timeout_seconds: i64,
            /// Path to the value in the JSON of the response; all of it if unset.
            "jsonPath" json_path: String,
            /// Whether to skip verification of the certificate.
            "insecure" insecure: bool,
            /// Body as JSON.
            "jsonBody" json_body: RawJson,
            /// Credentials.
            "authentication" authentication: Authentication,
        }
    }

    /// A header and its value.
    pub struct WebMetricHeader {
        required {
            /// Name.
            "key" key: String,
            /// Value.
            "value" value: String,
        }
    }

    /// A Datadog query.
    pub struct DatadogMetric {
        optional {
            /// Time span of the query; 5m if unset.
            "interval" interval: String as super::crds::with_default(super::crds::text(), "5m"),
            /// The query.
            "query" query: String,
            /// Queries by name, for a formula.
            "queries" queries: BTreeMap<String, String>,
            /// Formula over the queries.
            "formula" formula: String,
            /// Version of Datadog's API; v1 if unset.
            "apiVersion" api_version: String as super::crds::with_default(super::crds::one_of(&["v1", "v2"]), "v1"),
            /// How points become one value.
            "aggregator" aggregator: String as super::crds::one_of(&["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"]),
            /// Secret with the credentials.
            "secretRef" secret_ref: SecretRef,
            /// Time until the request is given up; 10s if unset.
            "requestTimeout" request_timeout: String as super::crds::with_default(super::crds::text(), "10s"),
        }
    }

    /// A Secret.
    pub struct SecretRef {
        optional {
            /// Name of the Secret.
            "name" name: String,
            /// Whether it lies in the run's namespace.
            "namespaced" namespaced: bool,
        }
    }
}
