{{/*
For a search service's chart that depends on this one under the name `rerankd` with standalone: false. Each is given
the dependency's own context: (index .Subcharts "rerankd").

  metadata:
    annotations:
      checksum/rerankd: {{ include "rerankd.config" .Subcharts.rerankd | sha256sum }}
  ...
  initContainers:
    {{- include "rerankd.sidecar.containers" .Subcharts.rerankd | nindent 8 }}
  containers:
    - name: search
      volumeMounts:
        {{- include "rerankd.sidecar.mounts" .Subcharts.rerankd | nindent 12 }}
  volumes:
    {{- include "rerankd.volumes" .Subcharts.rerankd | nindent 8 }}
*/}}
{{- define "rerankd.sidecar.containers" -}}
{{- with include "rerankd.pull" . | trim }}
{{ . }}
{{- end }}
- name: rerankd
  image: {{ include "rerankd.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  env:
    {{- include "rerankd.env" . | nindent 4 }}
  {{- with include "rerankd.metricsPort" . }}
  ports:
    {{- . | nindent 4 }}
  {{- end }}
  startupProbe:
    exec: {command: [/usr/bin/rerankctl, health]}
    periodSeconds: 1
    timeoutSeconds: 5
    failureThreshold: {{ .Values.probes.startupSeconds }}
  readinessProbe:
    exec: {command: [/usr/bin/rerankctl, health]}
    periodSeconds: {{ .Values.probes.readinessPeriodSeconds }}
    timeoutSeconds: 5
  livenessProbe:
    exec: {command: [/usr/bin/rerankctl, health]}
    periodSeconds: {{ .Values.probes.livenessPeriodSeconds }}
    timeoutSeconds: 10
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- include "rerankd.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- include "rerankd.volumeMounts" . | nindent 4 }}
{{- end -}}

{{/* Of the search container, whose rerankd is at unix:FOLDER/rerankd.sock. */}}
{{- define "rerankd.sidecar.mounts" -}}
- {name: rerankd-socket, mountPath: {{ .Values.sidecar.socketFolder }}}
{{- end -}}
