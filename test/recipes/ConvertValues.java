import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

/** Converts values (a line each) as a sink connector's worker does; prints each struct's fields, tab-separated. */
public final class ConvertValues {
  /** Arguments: the settings of the converter, name=value each. */
  public static void main(String[] settings) throws Exception {
    Map<String, Object> config = new HashMap<>();
    for (String setting : settings) {
      String[] parts = setting.split("=", 2);
      config.put(parts[0], parts[1]);
    }
    try (JsonConverter converter = new JsonConverter()) {
      converter.configure(config, false);
      BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        SchemaAndValue value = converter.toConnectData("topic", line.getBytes(StandardCharsets.UTF_8));
        Struct struct = (Struct) value.value();
        StringBuilder row = new StringBuilder();
        for (Field field : value.schema().fields()) row.append(field.name()).append('=').append(struct.get(field)).append('\t');
        System.out.println(row.toString().trim());
      }
    }
  }
}
