

{{- define "rerankd.name" -}}
{{- default "rerankd" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "rerankd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "rerankd.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rerankd.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rerankd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rerankd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rerankd.labels" -}}
{{ include "rerankd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of an object and those that a value adds, each once: dict "root" $ "more" VALUE. */}}
{{- define "rerankd.labelsAnd" -}}
{{- toYaml (mergeOverwrite (include "rerankd.labels" .root | fromYaml) (deepCopy (default (dict) .more))) -}}
{{- end -}}

{{- define "rerankd.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Of the series in Prometheus that are this release's: its job is the Service's name, as the operator has it. */}}
{{- define "rerankd.series" -}}
{{- .Values.metrics.selector | default (printf `job="%s", namespace="%s"` (include "rerankd.fullname" .) .Release.Namespace) -}}
{{- end -}}

{{/* Of a pod in the profile "restricted"; both containers of a sidecar's pod run as one user, who alone may open the socket. */}}
{{- define "rerankd.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "rerankd.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What `env` adds, as the strings that Kubernetes takes: dict "variables" LIST "only" REGULAR-EXPRESSION. */}}
{{- define "rerankd.extraEnv" -}}
{{- range .variables }}
{{- if regexMatch $.only .name }}
{{- $variable := deepCopy . }}
{{- if hasKey . "value" }}
{{- /* Numbers of a values file are floating point. */}}
{{- $whole := and (kindIs "float64" .value) (eq .value (floor .value)) }}
{{- $_ := set $variable "value" (ternary (printf "%.0f" (default 0.0 (float64 .value))) (toString .value) $whole) }}
{{- end }}
- {{ toJson $variable }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where rerankctl finds the server from inside its container. */}}
{{- define "rerankd.target" -}}
{{- if include "rerankd.hasSocket" . -}}
unix:{{ .Values.sidecar.socketFolder }}/rerankd.sock
{{- else -}}
127.0.0.1:{{ .Values.service.port }}
{{- end -}}
{{- end -}}

{{- define "rerankd.env" -}}
- {name: RERANKD_CONFIG, value: /etc/rerankd/rerankd.yaml}
- {name: RERANKD_TARGET, value: {{ include "rerankd.target" . | quote }}}
{{- if .Values.metrics.enabled }}
- {name: RERANKD_METRICS, value: "127.0.0.1:{{ .Values.metrics.port }}"}
{{- end }}
{{- if .Values.modelCache.pull }}
- {name: HF_HUB_OFFLINE, value: "1"}
{{- else }}
{{- include "rerankd.hubEnv" . }}
{{- end }}
{{- include "rerankd.extraEnv" (dict "variables" .Values.env "only" "") }}
{{- end -}}

{{- define "rerankd.volumeMounts" -}}
- {name: rerankd-config, mountPath: /etc/rerankd, readOnly: true}
- {name: rerankd-models, mountPath: /models{{ if .Values.modelCache.pull }}, readOnly: true{{ end }}}
{{- if .Values.providerKeys.secret }}
- {name: rerankd-keys, mountPath: /etc/rerankd-keys, readOnly: true}
{{- end }}
{{- if .Values.tls.secret }}
- {name: rerankd-tls, mountPath: /etc/rerankd-tls, readOnly: true}
{{- end }}
{{- if .Values.apiKeys.secret }}
- {name: rerankd-api-keys, mountPath: /etc/rerankd-api-keys, readOnly: true}
{{- end }}
{{- if include "rerankd.hasSocket" . }}
- {name: rerankd-socket, mountPath: {{ .Values.sidecar.socketFolder }}}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rerankd.volumes" -}}
- name: rerankd-config
  configMap: {name: {{ include "rerankd.fullname" . }}}
- name: rerankd-models
{{- if .Values.modelCache.existingClaim }}
  persistentVolumeClaim: {claimName: {{ .Values.modelCache.existingClaim }}}
{{- else }}
  emptyDir: {sizeLimit: {{ .Values.modelCache.size }}}
{{- end }}
{{- with .Values.providerKeys.secret }}
- name: rerankd-keys
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- with .Values.tls.secret }}
- name: rerankd-tls
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- with .Values.apiKeys.secret }}
- name: rerankd-api-keys
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- if include "rerankd.hasSocket" . }}
- name: rerankd-socket
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rerankd.metricsPort" -}}
{{- if .Values.metrics.enabled -}}
- {name: metrics, containerPort: {{ .Values.metrics.port }}}
{{- end -}}
{{- end -}}
