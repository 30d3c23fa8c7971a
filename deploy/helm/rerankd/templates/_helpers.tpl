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

{{- define "rerankd.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Whether the server listens on a Unix socket: for the container beside it, or for probes, which cannot speak TLS. */}}
{{- define "rerankd.hasSocket" -}}
{{- if or (not .Values.standalone) .Values.tls.secret -}}yes{{- end -}}
{{- end -}}

{{/* The server's configuration file. */}}
{{- define "rerankd.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $port := printf "0.0.0.0:%d" (int .Values.service.port) -}}
{{- $socket := printf "unix:%s/rerankd.sock" .Values.sidecar.socketFolder -}}
{{- if not .Values.standalone -}}
{{- $_ := set $config "listen" $socket -}}
{{- else if .Values.tls.secret -}}
{{- $_ := set $config "listen" (list $port $socket) -}}
{{- $tls := dict "certificate" "/etc/rerankd-tls/tls.crt" "key" "/etc/rerankd-tls/tls.key" -}}
{{- if .Values.tls.clientCa -}}
{{- $_ := set $tls "client_ca" "/etc/rerankd-tls/ca.crt" -}}
{{- end -}}
{{- $_ := set $config "tls" (mergeOverwrite (default (dict) (get $config "tls")) $tls) -}}
{{- else -}}
{{- $_ := set $config "listen" $port -}}
{{- end -}}
{{- if .Values.apiKeys.secret -}}
{{- $_ := set $config "keys_file" (printf "/etc/rerankd-api-keys/%s" .Values.apiKeys.key) -}}
{{- end -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $config "metrics" (dict "listen" (printf "0.0.0.0:%d" (int .Values.metrics.port))) -}}
{{- end -}}
{{- toYaml $config -}}
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

{{- define "rerankd.hubEnv" -}}
{{- with .Values.modelCache.endpoint }}
- {name: HF_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- if .Values.modelCache.tokenSecret.name }}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .Values.modelCache.tokenSecret.name | quote }}, key: {{ .Values.modelCache.tokenSecret.key | quote }}}
{{- end }}
{{- end -}}

{{- define "rerankd.env" -}}
- {name: RERANKD_CONFIG, value: /etc/rerankd/rerankd.yaml}
{{- if include "rerankd.hasSocket" . }}
- {name: RERANKD_TARGET, value: {{ printf "unix:%s/rerankd.sock" .Values.sidecar.socketFolder | quote }}}
{{- end }}
{{- if .Values.modelCache.pull }}
- {name: HF_HUB_OFFLINE, value: "1"}
{{- else }}
{{- include "rerankd.hubEnv" . }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
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
{{- end -}}

{{/* Init containers that fetch models; nothing where there are none to fetch. */}}
{{- define "rerankd.pull" -}}
{{- range $index, $model := .Values.modelCache.pull }}
- name: rerankd-pull-{{ $index }}
  image: {{ include "rerankd.image" $ }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  command: [/usr/bin/rerankctl, pull, {{ $model | quote }}]
  {{- with include "rerankd.hubEnv" $ | trim }}
  env:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    requests: {cpu: 100m, memory: 64Mi}
    limits: {memory: 256Mi}
  securityContext:
    {{- include "rerankd.securityContext" $ | nindent 4 }}
  volumeMounts:
    - {name: rerankd-models, mountPath: /models}
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
{{- end -}}

{{- define "rerankd.metricsPort" -}}
{{- if .Values.metrics.enabled -}}
- {name: metrics, containerPort: {{ .Values.metrics.port }}}
{{- end -}}
{{- end -}}
