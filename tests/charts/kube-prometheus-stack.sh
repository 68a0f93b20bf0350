#!/bin/bash
# kube-prometheus-stack as a person installs it today, with our program in place of the operator.
source "$(dirname "$0")/common.sh"
release=k full=k-kube-prometheus-stack

kubectl create namespace "$ns"
helm install "$release" "$CHART" ${VALUES:+--set "$VALUES"} --timeout 3m >"$SCRATCH/install.txt"
echo "ok: the chart is installed, its hooks have passed" >&2
certify "$full"
start_operator "$full"
redirect "$full"

until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Reconciled")].status}'
until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Available")].status}'
until_is True field alertmanager "$full-alertmanager" '{.status.conditions[?(@.type=="Available")].status}'
until_is 1 field statefulset "prometheus-$full-prometheus" '{.status.readyReplicas}'
until_is 1 field statefulset "alertmanager-$full-alertmanager" '{.status.readyReplicas}'
[ "$(monitors)" -gt 0 ] && [ "$(rules)" -gt 0 ]
until_is "$(monitors)" jobs "$full-prometheus"
until_is "$(rules)" files
rules_are_checked "$release"
until_is "$(rules)" files

restore "$full"
helm upgrade "$release" "$CHART" --set "${VALUES:+$VALUES,}prometheus.prometheusSpec.replicas=2" --timeout 3m >"$SCRATCH/upgrade.txt"
until_is 2 field statefulset "prometheus-$full-prometheus" '{.status.readyReplicas}'
until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Available")].status}'
kubectl delete prometheusrule tried
helm uninstall "$release" --timeout 3m >"$SCRATCH/uninstall.txt"
until_is 0 left
kill -0 "$operator"
