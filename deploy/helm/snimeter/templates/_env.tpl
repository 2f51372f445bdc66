{{/* Environment of the container: credentials of Kafka, then what the values add. */}}
{{- define "snimeter.env" -}}
{{- with .Values.kafka.sasl -}}
{{- if .existingSecret -}}
- name: SNIMETER_KAFKA_SASL_USERNAME
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .usernameKey }}
- name: SNIMETER_KAFKA_SASL_PASSWORD_FILE
  value: /etc/snimeter-kafka/sasl/{{ .passwordKey }}
{{ end -}}
{{- end -}}
{{- with .Values.kafka.tls -}}
{{- if .existingSecret -}}
{{- range $variable, $key := dict "CA_FILE" .caKey "CERT_FILE" .certKey "KEY_FILE" .keyKey -}}
{{- if $key -}}
- name: SNIMETER_KAFKA_TLS_{{ $variable }}
  value: /etc/snimeter-kafka/tls/{{ $key }}
{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.env -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}
