//! The kinds that requests are about: where they are, valid bodies of them, and values worth trying in their fields.
use serde_json::{Value, json};

/// A kind.
#[allow(clippy::struct_field_names, reason = "objects call it kind")]
pub struct Kind {
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    pub root: &'static str,
    /// Plural name.
    pub plural: &'static str,
    /// Name of the kind.
    pub kind: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Its subresources that take objects of the kind.
    pub status: bool,
    /// Whether it can be scaled.
    pub scale: bool,
    /// A valid body without apiVersion, kind and metadata.
    pub body: &'static str,
    /// `POINTER VALUE`: what may be set in it, valid or not.
    pub fields: &'static [&'static str],
    /// Field selectors that it may know.
    pub selectors: &'static [&'static str],
}

impl Kind {
    /// `v1` or `GROUP/VERSION`.
    pub fn api_version(&self) -> &'static str {
        self.root
            .strip_prefix("/apis/")
            .or_else(|| self.root.strip_prefix("/api/"))
            .unwrap_or(self.root)
    }

    /// The collection's path.
    pub fn collection(&self) -> String {
        if self.namespaced {
            format!("{}/namespaces/${{ns}}/{}", self.root, self.plural)
        } else {
            format!("{}/{}", self.root, self.plural)
        }
    }

    /// The name of an object: cluster-scoped ones share a space.
    pub fn name(&self, short: &str) -> String {
        if self.namespaced {
            short.to_owned()
        } else {
            format!("${{ns}}-{short}")
        }
    }

    /// The path of an object.
    pub fn item(&self, short: &str) -> String {
        format!("{}/{}", self.collection(), self.name(short))
    }

    /// A valid object.
    pub fn object(&self, short: &str) -> Value {
        let mut object = json!({
            "apiVersion": self.api_version(),
            "kind": self.kind,
            "metadata": {"name": self.name(short), "labels": {"run": "${ns}", "letter": short}},
        });
        if let (Ok(Value::Object(body)), Some(object)) =
            (serde_json::from_str(self.body), object.as_object_mut())
        {
            object.extend(body);
        }
        object
    }
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind {
        root: "/api/v1",
        plural: "configmaps",
        kind: "ConfigMap",
        namespaced: true,
        status: false,
        scale: false,
        body: r#"{"data":{"a":"1","b":"2"}}"#,
        fields: &[
            r#"/data/c "3""#,
            r"/data/a null",
            r"/data {}",
            r#"/data/a~1b "x""#,
            r#"/binaryData {"x":"AAAA"}"#,
            r#"/binaryData {"a":"AAAA"}"#,
            r#"/binaryData {"x":"@@@"}"#,
            r"/immutable true",
            r"/immutable false",
            r#"/data/.. "x""#,
        ],
        selectors: &["data.a=1"],
    },
    Kind {
        root: "/api/v1",
        plural: "secrets",
        kind: "Secret",
        namespaced: true,
        status: false,
        scale: false,
        body: r#"{"data":{"a":"MQ=="}}"#,
        fields: &[
            r#"/stringData {"s":"t"}"#,
            r#"/stringData {"a":"t"}"#,
            r#"/type "x.example/y""#,
            r#"/type "kubernetes.io/tls""#,
            r#"/type "kubernetes.io/basic-auth""#,
            r#"/type "kubernetes.io/dockerconfigjson""#,
            r#"/type "kubernetes.io/service-account-token""#,
            r#"/data/b "!!""#,
            r#"/data/b """#,
            r"/immutable true",
        ],
        selectors: &["type=Opaque", "type!=Opaque"],
    },
    Kind {
        root: "/api/v1",
        plural: "services",
        kind: "Service",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"selector":{"app":"a"},"ports":[{"name":"http","port":80}]}}"#,
        fields: &[
            r#"/spec/type "NodePort""#,
            r#"/spec/type "LoadBalancer""#,
            r#"/spec/type "ExternalName""#,
            r#"/spec/externalName "x.example""#,
            r#"/spec/type "Other""#,
            r#"/spec/clusterIP "None""#,
            r#"/spec/clusterIP "10.1.1.1""#,
            r#"/spec/clusterIP "x""#,
            r"/spec/ports []",
            r#"/spec/ports/0/targetPort "web""#,
            r"/spec/ports/0/targetPort 8080",
            r#"/spec/ports/0/targetPort "UPPER""#,
            r"/spec/ports/0/port 0",
            r"/spec/ports/0/port 70000",
            r#"/spec/ports/0/protocol "UDP""#,
            r#"/spec/ports/0/protocol "X""#,
            r#"/spec/ports/1 {"name":"x","port":81}"#,
            r#"/spec/ports/1 {"port":81}"#,
            r#"/spec/ports/1 {"name":"http","port":81}"#,
            r#"/spec/sessionAffinity "ClientIP""#,
            r#"/spec/sessionAffinity "No""#,
            r#"/spec/externalTrafficPolicy "Local""#,
            r#"/spec/internalTrafficPolicy "Local""#,
            r#"/spec/ipFamilyPolicy "PreferDualStack""#,
            r#"/spec/ipFamilyPolicy "RequireDualStack""#,
            r#"/spec/ipFamilies ["IPv6"]"#,
            r"/spec/publishNotReadyAddresses true",
            r#"/spec/externalIPs ["1.2.3.4"]"#,
            r#"/spec/externalIPs ["x"]"#,
            r#"/spec/loadBalancerSourceRanges ["10.0.0.0/8"]"#,
            r"/spec/allocateLoadBalancerNodePorts false",
            r"/spec/healthCheckNodePort 30000",
            r#"/spec/trafficDistribution "PreferClose""#,
        ],
        selectors: &["spec.type=ClusterIP", "spec.clusterIP=None"],
    },
    Kind {
        root: "/apis/apps/v1",
        plural: "deployments",
        kind: "Deployment",
        namespaced: true,
        status: true,
        scale: true,
        body: r#"{"spec":{"selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}}"#,
        fields: DEPLOYMENT,
        selectors: &["spec.replicas=1"],
    },
    Kind {
        root: "/api/v1",
        plural: "pods",
        kind: "Pod",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"containers":[{"name":"c","image":"i:1"}]}}"#,
        fields: POD,
        selectors: &[
            "spec.nodeName=",
            "status.phase=Pending",
            "status.phase!=Running",
            "spec.restartPolicy=Always",
            "spec.schedulerName=x",
            "status.podIP=",
        ],
    },
    Kind {
        root: "/apis/coordination.k8s.io/v1",
        plural: "leases",
        kind: "Lease",
        namespaced: true,
        status: false,
        scale: false,
        body: r#"{"spec":{"holderIdentity":"h","leaseDurationSeconds":15}}"#,
        fields: &[
            r#"/spec/renewTime "2019-01-02T03:04:05.000006Z""#,
            r#"/spec/renewTime "2019-01-02T03:04:05Z""#,
            r#"/spec/renewTime "yesterday""#,
            r#"/spec/acquireTime "2019-01-02T03:04:05.123456789Z""#,
            r"/spec/leaseDurationSeconds 0",
            r"/spec/leaseTransitions -1",
            r#"/spec/holderIdentity """#,
            r#"/spec/preferredHolder "x""#,
            r#"/spec/strategy "OldestEmulationVersion""#,
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/policy/v1",
        plural: "poddisruptionbudgets",
        kind: "PodDisruptionBudget",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"a"}}}}"#,
        fields: &[
            r#"/spec/minAvailable "50%""#,
            r#"/spec/minAvailable "x""#,
            r"/spec/minAvailable -1",
            r#"/spec/minAvailable "110%""#,
            r"/spec/maxUnavailable 1",
            r#"/spec/unhealthyPodEvictionPolicy "AlwaysAllow""#,
            r#"/spec/unhealthyPodEvictionPolicy "X""#,
            r"/spec/selector {}",
            r"/spec/selector null",
            r#"/spec/selector/matchLabels/a~1b~1c "x""#,
            r#"/spec/selector/matchExpressions [{"key":"a","operator":"In"}]"#,
            r"/status/disruptionsAllowed 3",
            r"/status/disruptionsAllowed -3",
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/batch/v1",
        plural: "jobs",
        kind: "Job",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}}}}"#,
        fields: &[
            r"/spec/parallelism 3",
            r"/spec/parallelism -1",
            r"/spec/completions 0",
            r#"/spec/completionMode "Indexed""#,
            r"/spec/backoffLimit -1",
            r"/spec/activeDeadlineSeconds 60",
            r"/spec/ttlSecondsAfterFinished -5",
            r"/spec/suspend true",
            r#"/spec/template/spec/restartPolicy "Always""#,
            r#"/spec/template/spec/restartPolicy "OnFailure""#,
            r#"/spec/selector {"matchLabels":{"a":"b"}}"#,
            r"/spec/manualSelector true",
            r#"/spec/podReplacementPolicy "Failed""#,
            r#"/spec/podFailurePolicy {"rules":[{"action":"Ignore","onExitCodes":{"operator":"In","values":[1]}}]}"#,
            r"/spec/backoffLimitPerIndex 1",
            r"/spec/maxFailedIndexes 1",
            r#"/spec/successPolicy {"rules":[{"succeededCount":1}]}"#,
            r#"/spec/managedBy "x.example/y""#,
            r#"/spec/template/spec/containers/0/image "i:2""#,
            r"/status/succeeded 1",
            r"/status/active 1",
        ],
        selectors: &["status.successful=0"],
    },
    Kind {
        root: "/apis/networking.k8s.io/v1",
        plural: "ingresses",
        kind: "Ingress",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"rules":[{"host":"h.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}}"#,
        fields: &[
            r#"/spec/ingressClassName "x""#,
            r#"/spec/ingressClassName "X!""#,
            r#"/spec/rules/0/host "*.example""#,
            r#"/spec/rules/0/host "1.2.3.4""#,
            r#"/spec/rules/0/host "UPPER""#,
            r#"/spec/rules/0/http/paths/0/path "x""#,
            r#"/spec/rules/0/http/paths/0/pathType "Exact""#,
            r#"/spec/rules/0/http/paths/0/pathType "X""#,
            r"/spec/rules/0/http/paths/0/pathType null",
            r#"/spec/rules/0/http/paths/0/backend/service/port {"name":"p","number":1}"#,
            r"/spec/rules/0/http/paths/0/backend {}",
            r"/spec/rules []",
            r#"/spec/defaultBackend {"service":{"name":"s","port":{"name":"p"}}}"#,
            r#"/spec/defaultBackend {"resource":{"kind":"K","name":"n"}}"#,
            r#"/spec/tls [{"hosts":["h.example"],"secretName":"s"}]"#,
            r#"/spec/tls [{"secretName":"S!"}]"#,
            r#"/status/loadBalancer {"ingress":[{"ip":"1.2.3.4"}]}"#,
            r#"/status/loadBalancer {"ingress":[{"ip":"x"}]}"#,
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/rbac.authorization.k8s.io/v1",
        plural: "clusterroles",
        kind: "ClusterRole",
        namespaced: false,
        status: false,
        scale: false,
        body: r#"{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}"#,
        fields: &[
            r"/rules/0/verbs []",
            r"/rules/0/apiGroups []",
            r"/rules/0/resources []",
            r#"/rules/0/resourceNames ["x"]"#,
            r#"/rules/0/nonResourceURLs ["/x"]"#,
            r#"/rules/1 {"nonResourceURLs":["/x"],"verbs":["get"]}"#,
            r"/rules null",
            r#"/aggregationRule {"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}"#,
            r#"/aggregationRule {"clusterRoleSelectors":[]}"#,
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/fidelity.example/v1",
        plural: "widgets",
        kind: "Widget",
        namespaced: true,
        status: true,
        scale: true,
        body: r#"{"spec":{"size":3,"colour":"red"}}"#,
        fields: WIDGET,
        selectors: &["spec.colour=red", "spec.size=3"],
    },
    Kind {
        root: "/apis/fidelity.example/v1",
        plural: "gauges",
        kind: "Gauge",
        namespaced: false,
        status: false,
        scale: false,
        body: r#"{"value":1,"any":{"b":[1,2.5,null],"a":"x"}}"#,
        fields: &[
            r#"/value "x""#,
            r"/value 1.5",
            r"/value null",
            r"/any null",
            r#"/any/c {"d":{}}"#,
            r#"/status {"a":1}"#,
            r"/unknown true",
            r#"/either "5""#,
            r"/either true",
        ],
        selectors: &[],
    },
    Kind {
        root: "/api/v1",
        plural: "serviceaccounts",
        kind: "ServiceAccount",
        namespaced: true,
        status: false,
        scale: false,
        body: r#"{"automountServiceAccountToken":false}"#,
        fields: &[
            r#"/secrets [{"name":"s"}]"#,
            r#"/imagePullSecrets [{"name":"s"},{"name":"t"}]"#,
            r"/automountServiceAccountToken null",
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/apps/v1",
        plural: "statefulsets",
        kind: "StatefulSet",
        namespaced: true,
        status: true,
        scale: true,
        body: r#"{"spec":{"serviceName":"s","selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}}"#,
        fields: &[
            r"/spec/replicas 5",
            r"/spec/replicas -1",
            r#"/spec/serviceName "t""#,
            r#"/spec/podManagementPolicy "Parallel""#,
            r#"/spec/updateStrategy {"type":"OnDelete"}"#,
            r#"/spec/updateStrategy {"type":"RollingUpdate","rollingUpdate":{"partition":2}}"#,
            r#"/spec/updateStrategy {"type":"X"}"#,
            r#"/spec/ordinals {"start":3}"#,
            r#"/spec/persistentVolumeClaimRetentionPolicy {"whenDeleted":"Delete"}"#,
            r#"/spec/volumeClaimTemplates [{"metadata":{"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]"#,
            r"/spec/revisionHistoryLimit -1",
            r"/spec/minReadySeconds 5",
            r#"/spec/template/metadata/labels/app "b""#,
            r#"/spec/template/spec/containers/0/image "i:2""#,
            r"/status/replicas 3",
            r"/status/readyReplicas 9",
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/networking.k8s.io/v1",
        plural: "networkpolicies",
        kind: "NetworkPolicy",
        namespaced: true,
        status: false,
        scale: false,
        body: r#"{"spec":{"podSelector":{},"ingress":[{"from":[{"podSelector":{}}]}]}}"#,
        fields: &[
            r#"/spec/policyTypes ["Egress"]"#,
            r#"/spec/policyTypes ["X"]"#,
            r#"/spec/ingress/0/ports [{"port":80}]"#,
            r#"/spec/ingress/0/ports [{"port":"web","endPort":90}]"#,
            r#"/spec/ingress/0/ports [{"port":90,"endPort":80}]"#,
            r#"/spec/ingress/0/from [{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}]"#,
            r#"/spec/ingress/0/from [{"ipBlock":{"cidr":"x"}}]"#,
            r"/spec/ingress/0/from [{}]",
            r"/spec/egress [{}]",
        ],
        selectors: &[],
    },
    Kind {
        root: "/apis/scheduling.k8s.io/v1",
        plural: "priorityclasses",
        kind: "PriorityClass",
        namespaced: false,
        status: false,
        scale: false,
        body: r#"{"value":1000}"#,
        fields: &[
            r"/value 2000",
            r"/value 2000000000",
            r#"/description "d""#,
            r#"/preemptionPolicy "Never""#,
            r#"/preemptionPolicy "X""#,
        ],
        selectors: &[],
    },
];

const DEPLOYMENT: &[&str] = &[
    r"/spec/replicas 3",
    r"/spec/replicas 0",
    r"/spec/replicas -1",
    r#"/spec/replicas "3""#,
    r"/spec/replicas 3000000000",
    r"/spec/replicas 1.5",
    r"/spec/paused true",
    r"/spec/minReadySeconds 700",
    r"/spec/progressDeadlineSeconds 5",
    r"/spec/revisionHistoryLimit -1",
    r#"/spec/strategy {"type":"Recreate"}"#,
    r#"/spec/strategy {"type":"Recreate","rollingUpdate":{"maxSurge":1}}"#,
    r#"/spec/strategy {"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}}"#,
    r#"/spec/strategy {"rollingUpdate":{"maxSurge":"30%","maxUnavailable":"x"}}"#,
    r#"/spec/strategy {"type":"X"}"#,
    r#"/spec/selector/matchLabels/app "b""#,
    r#"/spec/template/metadata/labels/app "b""#,
    r#"/spec/template/metadata/annotations {"x":"y"}"#,
    r#"/spec/template/spec/restartPolicy "Never""#,
    r"/spec/template/spec/activeDeadlineSeconds 5",
    r"/spec/template/spec/containers []",
    r#"/spec/template/spec/containers/0/image "i:2""#,
    r#"/spec/template/spec/containers/0/image """#,
    r#"/spec/template/spec/containers/0/imagePullPolicy "X""#,
    r#"/spec/template/spec/containers/0/env [{"name":"A","value":"b"}]"#,
    r#"/spec/template/spec/containers/0/ports [{"containerPort":80},{"containerPort":80,"protocol":"UDP"}]"#,
    r#"/spec/template/spec/containers/0/resources {"requests":{"cpu":"100m","memory":"1Gi"},"limits":{"cpu":"0.5"}}"#,
    r#"/spec/template/spec/containers/0/resources {"requests":{"cpu":"2"},"limits":{"cpu":"1"}}"#,
    r#"/spec/template/spec/containers/0/resources {"requests":{"cpu":"1x"}}"#,
    r#"/spec/template/spec/containers/0/livenessProbe {"httpGet":{"path":"/","port":80}}"#,
    r#"/spec/template/spec/containers/0/livenessProbe {"tcpSocket":{"port":"x"},"exec":{"command":["x"]}}"#,
    r#"/spec/template/spec/containers/1 {"name":"c","image":"j"}"#,
    r#"/spec/template/spec/containers/1 {"name":"d","image":"j"}"#,
    r#"/spec/template/spec/initContainers [{"name":"i","image":"j","restartPolicy":"Always"}]"#,
    r#"/spec/template/spec/volumes [{"name":"v","emptyDir":{}},{"name":"w","configMap":{"name":"m"}}]"#,
    r#"/spec/template/spec/volumes [{"name":"v"},{"name":"v"}]"#,
    r#"/spec/template/spec/tolerations [{"key":"a","operator":"Exists","value":"b"}]"#,
    r#"/spec/template/spec/nodeSelector {"a":"b"}"#,
    r"/spec/template/spec/hostNetwork true",
    r"/spec/template/spec/terminationGracePeriodSeconds -1",
    r#"/spec/template/spec/affinity {"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}"#,
    r#"/spec/template/spec/topologySpreadConstraints [{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]"#,
    r#"/spec/template/spec/securityContext {"runAsUser":-1}"#,
    r#"/spec/template/spec/dnsPolicy "None""#,
    r"/status/replicas 2",
    r"/status/replicas -2",
    r"/status/readyReplicas 2",
    r#"/status/conditions [{"type":"A","status":"True"}]"#,
    r"/status/observedGeneration 1",
];

const POD: &[&str] = &[
    r#"/spec/nodeName "n""#,
    r#"/spec/restartPolicy "Never""#,
    r#"/spec/restartPolicy "X""#,
    r"/spec/activeDeadlineSeconds 5",
    r"/spec/terminationGracePeriodSeconds 0",
    r"/spec/terminationGracePeriodSeconds 5",
    r"/spec/containers []",
    r#"/spec/containers/0/image "i:2""#,
    r#"/spec/containers/0/image " i""#,
    r#"/spec/containers/0/name "C!""#,
    r#"/spec/containers/0/env [{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]"#,
    r#"/spec/containers/0/env [{"name":"A","value":"b","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]"#,
    r#"/spec/containers/0/env [{"name":"1 A"}]"#,
    r#"/spec/containers/0/volumeMounts [{"name":"v","mountPath":"/x"}]"#,
    r#"/spec/containers/0/ports [{"containerPort":0}]"#,
    r#"/spec/containers/0/ports [{"containerPort":80,"hostPort":81}]"#,
    r#"/spec/containers/0/ports [{"name":"web","containerPort":80},{"name":"web","containerPort":81}]"#,
    r#"/spec/containers/0/resources {"limits":{"cpu":"1","memory":"100Mi"}}"#,
    r#"/spec/containers/0/resources {"requests":{"x.example/y":"1"}}"#,
    r#"/spec/containers/0/resources {"limits":{"memory":"1e3"},"requests":{"memory":"100m"}}"#,
    r#"/spec/containers/0/readinessProbe {"grpc":{"port":5}}"#,
    r"/spec/containers/0/readinessProbe {}",
    r#"/spec/containers/0/readinessProbe {"exec":{"command":["x"]},"timeoutSeconds":0,"successThreshold":2}"#,
    r#"/spec/containers/0/lifecycle {"preStop":{"sleep":{"seconds":5}}}"#,
    r#"/spec/containers/0/securityContext {"privileged":true}"#,
    r#"/spec/containers/0/securityContext {"capabilities":{"add":["NET_ADMIN"]},"runAsNonRoot":true}"#,
    r#"/spec/containers/0/terminationMessagePolicy "X""#,
    r#"/spec/containers/0/restartPolicy "Always""#,
    r#"/spec/containers/1 {"name":"d","image":"j"}"#,
    r#"/spec/initContainers [{"name":"i","image":"j"}]"#,
    r#"/spec/initContainers [{"name":"c","image":"j"}]"#,
    r#"/spec/volumes [{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]"#,
    r#"/spec/volumes [{"name":"v","configMap":{"name":"m","defaultMode":1000}}]"#,
    r#"/spec/volumes [{"name":"v","secret":{}}]"#,
    r#"/spec/volumes [{"name":"v","hostPath":{"path":"../x"}}]"#,
    r#"/spec/volumes [{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":5}}]}}]"#,
    r#"/spec/volumes [{"name":"v","downwardAPI":{"items":[{"path":"p","fieldRef":{"fieldPath":"metadata.labels"}}]}}]"#,
    r#"/spec/priorityClassName "none""#,
    r#"/spec/priorityClassName "system-node-critical""#,
    r#"/spec/serviceAccountName "none""#,
    r"/spec/automountServiceAccountToken false",
    r#"/spec/tolerations [{"effect":"NoExecute","tolerationSeconds":5}]"#,
    r#"/spec/tolerations [{"key":"k","operator":"Equal","value":"v","effect":"NoSchedule"}]"#,
    r#"/spec/tolerations [{"operator":"Equal"}]"#,
    r"/spec/hostNetwork true",
    r#"/spec/hostAliases [{"ip":"1.2.3.4","hostnames":["a"]}]"#,
    r#"/spec/hostname "h""#,
    r#"/spec/hostname "H.x""#,
    r#"/spec/subdomain "s""#,
    r#"/spec/dnsConfig {"nameservers":["1.1.1.1"],"options":[{"name":"n"}]}"#,
    r#"/spec/dnsPolicy "None""#,
    r#"/spec/schedulingGates [{"name":"g.example/x"}]"#,
    r#"/spec/schedulerName "other""#,
    r#"/spec/readinessGates [{"conditionType":"a.example/b"}]"#,
    r#"/spec/overhead {"cpu":"1"}"#,
    r#"/spec/runtimeClassName "x""#,
    r"/spec/enableServiceLinks false",
    r#"/spec/affinity {"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":101,"podAffinityTerm":{"topologyKey":"z"}}]}}"#,
    r#"/spec/securityContext {"fsGroup":1,"sysctls":[{"name":"x","value":"y"}]}"#,
    r#"/spec/securityContext {"runAsUser":0,"seccompProfile":{"type":"Localhost"}}"#,
    r#"/status/phase "Running""#,
    r#"/status/phase "Succeeded""#,
    r#"/status/podIP "1.2.3.4""#,
    r#"/status/conditions [{"type":"Ready","status":"True"}]"#,
    r#"/status/containerStatuses [{"name":"c","ready":true,"restartCount":1,"image":"i","imageID":""}]"#,
];

const WIDGET: &[&str] = &[
    r"/spec/size 12",
    r"/spec/size -1",
    r"/spec/size 1.5",
    r"/spec/size 1.0",
    r#"/spec/size "3""#,
    r"/spec/size null",
    r#"/spec/colour "blue""#,
    r#"/spec/colour "pink""#,
    r"/spec/colour null",
    r"/spec/note null",
    r#"/spec/note "n""#,
    r"/spec/unknown 1",
    r#"/spec/parts [{"name":"a","weight":1},{"name":"b"}]"#,
    r#"/spec/parts [{"name":"a"},{"name":"a"}]"#,
    r#"/spec/parts [{"weight":1}]"#,
    r#"/spec/parts [{"name":"a","extra":1}]"#,
    r#"/spec/tags ["x","y"]"#,
    r#"/spec/tags ["x","x"]"#,
    r#"/spec/tags ["x",1]"#,
    r"/spec/either 5",
    r#"/spec/either "50%""#,
    r"/spec/either 5.5",
    r"/spec/ratio 0.25",
    r"/spec/ratio 1e30",
    r"/spec/ratio 3",
    r#"/spec/when "2019-01-01T00:00:00Z""#,
    r#"/spec/when "soon""#,
    r#"/spec/code "AB-12""#,
    r#"/spec/code "ab""#,
    r#"/spec/free {"x":{"y":[1,"a",null]}}"#,
    r"/spec/nested {}",
    r#"/spec/nested {"depth":{}}"#,
    r#"/spec/nested {"depth":{"level":99}}"#,
    r#"/spec/map {"a":"1","b":2}"#,
    r#"/spec/map {"a":"1","b":"2","c":"3","d":"4"}"#,
    r#"/status {"sold":2}"#,
    r"/status/sold -2",
    r#"/status/sold "x""#,
    r"/status/replicas 2",
    r#"/status/selector "a=b""#,
];

/// Our own kinds.
pub fn definitions() -> Vec<Value> {
    let integer = |minimum: i64| json!({"type": "integer", "minimum": minimum});
    let spec = json!({"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 0, "maximum": 10, "description": "How large"},
        "colour": {"type": "string", "enum": ["red", "green", "blue"], "default": "green"},
        "note": {"type": "string", "nullable": true, "maxLength": 5},
        "parts": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "weight": integer(0)}}},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "either": {"x-kubernetes-int-or-string": true},
        "ratio": {"type": "number", "maximum": 100},
        "when": {"type": "string", "format": "date-time"},
        "code": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "nested": {"type": "object", "properties": {"depth": {"type": "object", "default": {},
            "properties": {"level": {"type": "integer", "default": 7, "maximum": 9}}}}},
        "map": {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "string"}},
        "replicas": {"type": "integer", "format": "int32"},
    }});
    let status = json!({"type": "object", "properties": {
        "sold": integer(0), "replicas": {"type": "integer"}, "selector": {"type": "string"},
    }});
    let widget = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let gauge = json!({"type": "object", "properties": {
        "value": {"type": "integer"},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "either": {"x-kubernetes-int-or-string": true},
    }});
    let definition = |kind: &str, plural: &str, scope: &str, version: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.fidelity.example")},
            "spec": {
                "group": "fidelity.example",
                "scope": scope,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
                "versions": [version],
            },
        })
    };
    vec![
        definition(
            "Widget",
            "widgets",
            "Namespaced",
            json!({
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": widget},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
                "selectableFields": [{"jsonPath": ".spec.colour"}],
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1},
                    {"name": "Parts", "type": "string", "jsonPath": ".spec.parts[*].name", "description": "Names"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
            }),
        ),
        definition(
            "Gauge",
            "gauges",
            "Cluster",
            json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": gauge}}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_fields_are_json() {
        for kind in KINDS {
            let object = kind.object("a");
            assert!(
                object.as_object().expect("an object").len() > 3,
                "{}",
                kind.kind
            );
            for field in kind.fields {
                let (pointer, value) = field.split_once(' ').expect("pointer and value");
                assert!(pointer.starts_with('/'));
                serde_json::from_str::<Value>(value).expect(field);
            }
        }
    }
}
