{{/* What is given as `config`: nothing where somebody took the defaults away. */}}
{{- define "rerankd.ownConfig" -}}
{{- toYaml (default (dict) .Values.config) -}}
{{- end -}}

{{/* Whether the port speaks TLS, by the chart's secret or by files that the configuration names. */}}
{{- define "rerankd.hasTls" -}}
{{- if or .Values.tls.secret (dig "tls" "certificate" "" (include "rerankd.ownConfig" . | fromYaml)) -}}yes{{- end -}}
{{- end -}}

{{/* Whether the server listens on a Unix socket: for the container beside it, or for probes, which cannot speak TLS. */}}
{{- define "rerankd.hasSocket" -}}
{{- if or (not .Values.standalone) (include "rerankd.hasTls" .) -}}yes{{- end -}}
{{- end -}}

{{/* The server's configuration file. */}}
{{- define "rerankd.config" -}}
{{- include "rerankd.check" . -}}
{{- $config := include "rerankd.ownConfig" . | fromYaml -}}
{{- $port := printf "0.0.0.0:%d" (int .Values.service.port) -}}
{{- $socket := printf "unix:%s/rerankd.sock" .Values.sidecar.socketFolder -}}
{{- if not .Values.standalone -}}
{{- $_ := set $config "listen" $socket -}}
{{- else if include "rerankd.hasTls" . -}}
{{- $_ := set $config "listen" (list $port $socket) -}}
{{- else -}}
{{- $_ := set $config "listen" $port -}}
{{- end -}}
{{- if .Values.tls.secret -}}
{{- $tls := dict "certificate" "/etc/rerankd-tls/tls.crt" "key" "/etc/rerankd-tls/tls.key" -}}
{{- if .Values.tls.clientCa -}}
{{- $_ := set $tls "client_ca" "/etc/rerankd-tls/ca.crt" -}}
{{- end -}}
{{- $_ := set $config "tls" (mergeOverwrite (default (dict) (get $config "tls")) $tls) -}}
{{- end -}}
{{- if .Values.apiKeys.secret -}}
{{- $_ := set $config "keys_file" (printf "/etc/rerankd-api-keys/%s" .Values.apiKeys.key) -}}
{{- end -}}
{{- if .Values.metrics.enabled -}}
{{- $metrics := dict "listen" (printf "0.0.0.0:%d" (int .Values.metrics.port)) -}}
{{- $_ := set $config "metrics" (mergeOverwrite (default (dict) (get $config "metrics")) $metrics) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What of the values contradicts itself; values.schema.json has what one value alone can tell. */}}
{{- define "rerankd.check" -}}
{{- $config := include "rerankd.ownConfig" . | fromYaml -}}
{{- if and (not .Values.standalone) (include "rerankd.hasTls" .) -}}
{{- fail "TLS is for a port; with standalone: false there is a Unix socket alone, so leave tls out" -}}
{{- end -}}
{{- if and .Values.tls.secret (or (dig "tls" "certificate" "" $config) (dig "tls" "key" "" $config)) -}}
{{- fail "tls.secret and config.tls both say where the certificate is; give one of them" -}}
{{- end -}}
{{- if and .Values.apiKeys.secret $config.keys_file -}}
{{- fail "apiKeys.secret and config.keys_file both say where the keys are; give one of them" -}}
{{- end -}}
{{- if and .Values.metrics.enabled (dig "metrics" "listen" "" $config) -}}
{{- fail "with metrics.enabled, metrics.port says where the metrics are; leave config.metrics.listen out" -}}
{{- end -}}
{{- if and .Values.standalone .Values.metrics.enabled (eq (int .Values.service.port) (int .Values.metrics.port)) -}}
{{- fail (printf "service.port and metrics.port are both %d; each listens on its own" (int .Values.service.port)) -}}
{{- end -}}
{{- range $name := list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- if hasKey (default (dict) $.Values.podLabels) $name -}}
{{- fail (printf "podLabels may not have %s: the Service finds the pods by it" $name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.env -}}
{{- if has .name (list "RERANKD_CONFIG" "RERANKD_TARGET" "RERANKD_LISTEN" "RERANKD_GRACE_PERIOD" "RERANKD_METRICS_LISTEN" "RERANKD_KEYS_FILE" "HF_HUB_OFFLINE") -}}
{{- fail (printf "env may not have %s, which the chart sets or goes by; use the value for it" .name) -}}
{{- end -}}
{{- end -}}
{{- $unfetched := include "rerankd.hubModels" . | fromJsonArray -}}
{{- if and .Values.modelCache.pull (not .Values.modelCache.existingClaim) -}}
{{- range (include "rerankd.pulls" . | fromJsonArray) -}}
{{- $unfetched = without $unfetched . -}}
{{- end -}}
{{- range $unfetched -}}
{{- fail (printf "modelCache.pull lacks %s (revision %s), which config names: after a pull the server asks the hub no more" .model .revision) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.modelCache.pull (not (has (dig "hub" "cache_dir" "/models" $config) (list "" "/models"))) -}}
{{- fail "modelCache.pull fetches to /models; leave config.hub.cache_dir out" -}}
{{- end -}}
{{- end -}}

{{/* A duration as the configuration has it ("30s", "500ms", "0") in seconds, rounded up. */}}
{{- define "rerankd.seconds" -}}
{{- if not (regexMatch "^(0|[0-9]+(us|ms|s|m|h))$" (toString .)) -}}
{{- fail (printf "config.grace_period is %v; want a duration like 30s" .) -}}
{{- end -}}
{{- $number := regexFind "^[0-9]+" (toString .) | atoi -}}
{{- $unit := regexFind "[a-z]+$" (toString .) -}}
{{- if eq $unit "h" -}}{{ mul $number 3600 }}
{{- else if eq $unit "m" -}}{{ mul $number 60 }}
{{- else if eq $unit "ms" -}}{{ div (add $number 999) 1000 }}
{{- else if eq $unit "us" -}}{{ div (add $number 999999) 1000000 }}
{{- else -}}{{ $number }}{{- end -}}
{{- end -}}

{{/*
How long a pod may take to end: it goes on taking calls for preStopSeconds, drains within the server's grace_period,
and needs a moment to end (it sends the last spans for two seconds at the most). Less would have the kubelet kill it
while calls are running.
*/}}
{{- define "rerankd.terminationGracePeriodSeconds" -}}
{{- $grace := include "rerankd.seconds" (dig "grace_period" "30s" (include "rerankd.ownConfig" . | fromYaml)) | int -}}
{{- $needed := add (int .Values.preStopSeconds) $grace 5 -}}
{{- $given := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}{{ $needed }}
{{- else if lt (int $given) (int $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d; preStopSeconds, config.grace_period and 5 s to end make %d (leave it out, and it is that)" (int $given) $needed) -}}
{{- else -}}{{ int $given }}{{- end -}}
{{- end -}}
