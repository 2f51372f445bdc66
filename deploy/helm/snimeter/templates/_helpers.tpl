{{- define "snimeter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "snimeter.fullname" -}}
{{- $name := include "snimeter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "snimeter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "snimeter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "snimeter.labels" -}}
{{ include "snimeter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "snimeter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "snimeter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The receiver's name in the mesh: what MeshConfig points to. */}}
{{- define "snimeter.host" -}}
{{ include "snimeter.fullname" . }}.{{ .Release.Namespace }}.svc.cluster.local
{{- end -}}

{{/* The program's configuration: the values, and what the chart decides. */}}
{{- define "snimeter.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $ledger := merge (dict "flush_interval" .Values.mesh.flushInterval) (default dict $config.ledger) -}}
{{- $als := merge (dict "listen" "0.0.0.0:9001") (default dict $config.als) -}}
{{- $http := merge (dict "listen" "0.0.0.0:9002") (default dict $config.http) -}}
{{- toYaml (merge (dict "als" $als "http" $http "ledger" $ledger) $config) -}}
{{- end -}}
