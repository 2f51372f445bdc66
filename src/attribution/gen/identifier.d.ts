// Generated from proto/identifier.proto by `npm run generate`. Do not edit.
import * as $protobuf from "protobufjs";
import Long = require("long");

/** Namespace snimeter. */
export namespace snimeter {

    /** Namespace als. */
    namespace als {

        /** Namespace v3. */
        namespace v3 {

            /**
             * Properties of a FirstMessage.
             * @deprecated Use snimeter.als.v3.FirstMessage.$Properties instead.
             */
            interface IFirstMessage extends snimeter.als.v3.FirstMessage.$Properties {
            }

            /** Represents a FirstMessage. */
            class FirstMessage {

                /**
                 * Constructs a new FirstMessage.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.FirstMessage.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** FirstMessage identifier. */
                identifier?: (snimeter.als.v3.Identifier.$Properties|null);

                /**
                 * Encodes the specified FirstMessage message. Does not implicitly {@link snimeter.als.v3.FirstMessage.verify|verify} messages.
                 * @param message FirstMessage message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.FirstMessage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a FirstMessage message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.FirstMessage & snimeter.als.v3.FirstMessage.$Shape} FirstMessage
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.FirstMessage & snimeter.als.v3.FirstMessage.$Shape;
            }

            namespace FirstMessage {

                /** Properties of a FirstMessage. */
                interface $Properties {

                    /** FirstMessage identifier */
                    identifier?: (snimeter.als.v3.Identifier.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a FirstMessage. */
                type $Shape = {
                  identifier?: snimeter.als.v3.Identifier.$Shape|null;
                  $unknowns?: Uint8Array[];
                };
            }

            /**
             * Properties of an Identifier.
             * @deprecated Use snimeter.als.v3.Identifier.$Properties instead.
             */
            interface IIdentifier extends snimeter.als.v3.Identifier.$Properties {
            }

            /** Represents an Identifier. */
            class Identifier {

                /**
                 * Constructs a new Identifier.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.Identifier.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Identifier node. */
                node?: (snimeter.als.v3.Node.$Properties|null);

                /** Identifier logName. */
                logName: string;

                /**
                 * Encodes the specified Identifier message. Does not implicitly {@link snimeter.als.v3.Identifier.verify|verify} messages.
                 * @param message Identifier message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.Identifier.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an Identifier message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Identifier & snimeter.als.v3.Identifier.$Shape} Identifier
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.Identifier & snimeter.als.v3.Identifier.$Shape;
            }

            namespace Identifier {

                /** Properties of an Identifier. */
                interface $Properties {

                    /** Identifier node */
                    node?: (snimeter.als.v3.Node.$Properties|null);

                    /** Identifier logName */
                    logName?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an Identifier. */
                type $Shape = {
                  node?: snimeter.als.v3.Node.$Shape|null;
                  logName?: string|null;
                  $unknowns?: Uint8Array[];
                };
            }

            /**
             * Properties of a Node.
             * @deprecated Use snimeter.als.v3.Node.$Properties instead.
             */
            interface INode extends snimeter.als.v3.Node.$Properties {
            }

            /** Represents a Node. */
            class Node {

                /**
                 * Constructs a new Node.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.Node.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Node id. */
                id: string;

                /** Node cluster. */
                cluster: string;

                /** Node metadata. */
                metadata?: (snimeter.als.v3.Struct.$Properties|null);

                /** Node userAgentName. */
                userAgentName: string;

                /** Node userAgentVersion. */
                userAgentVersion?: (string|null);

                /** Node userAgentBuildVersion. */
                userAgentBuildVersion?: (snimeter.als.v3.BuildVersion.$Properties|null);

                /** Node userAgentVersionType. */
                userAgentVersionType?: ("userAgentVersion"|"userAgentBuildVersion");

                /**
                 * Encodes the specified Node message. Does not implicitly {@link snimeter.als.v3.Node.verify|verify} messages.
                 * @param message Node message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.Node.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Node message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Node & snimeter.als.v3.Node.$Shape} Node
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.Node & snimeter.als.v3.Node.$Shape;
            }

            namespace Node {

                /** Properties of a Node. */
                interface $Properties {

                    /** Node id */
                    id?: (string|null);

                    /** Node cluster */
                    cluster?: (string|null);

                    /** Node metadata */
                    metadata?: (snimeter.als.v3.Struct.$Properties|null);

                    /** Node userAgentName */
                    userAgentName?: (string|null);

                    /** Node userAgentVersion */
                    userAgentVersion?: (string|null);

                    /** Node userAgentBuildVersion */
                    userAgentBuildVersion?: (snimeter.als.v3.BuildVersion.$Properties|null);

                    /** Node userAgentVersionType */
                    userAgentVersionType?: ("userAgentVersion"|"userAgentBuildVersion");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a Node. */
                type $Shape = {
                  id?: string|null;
                  cluster?: string|null;
                  metadata?: snimeter.als.v3.Struct.$Shape|null;
                  userAgentName?: string|null;
                  userAgentVersion?: string|null;
                  userAgentBuildVersion?: snimeter.als.v3.BuildVersion.$Shape|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ userAgentVersionType?: undefined; userAgentVersion?: null; userAgentBuildVersion?: null }|{ userAgentVersionType?: "userAgentVersion"; userAgentVersion: string; userAgentBuildVersion?: null }|{ userAgentVersionType?: "userAgentBuildVersion"; userAgentVersion?: null; userAgentBuildVersion: snimeter.als.v3.BuildVersion.$Shape })
                );
            }

            /**
             * Properties of a BuildVersion.
             * @deprecated Use snimeter.als.v3.BuildVersion.$Properties instead.
             */
            interface IBuildVersion extends snimeter.als.v3.BuildVersion.$Properties {
            }

            /** Represents a BuildVersion. */
            class BuildVersion {

                /**
                 * Constructs a new BuildVersion.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.BuildVersion.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** BuildVersion version. */
                version?: (snimeter.als.v3.SemanticVersion.$Properties|null);

                /**
                 * Encodes the specified BuildVersion message. Does not implicitly {@link snimeter.als.v3.BuildVersion.verify|verify} messages.
                 * @param message BuildVersion message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.BuildVersion.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a BuildVersion message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.BuildVersion & snimeter.als.v3.BuildVersion.$Shape} BuildVersion
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.BuildVersion & snimeter.als.v3.BuildVersion.$Shape;
            }

            namespace BuildVersion {

                /** Properties of a BuildVersion. */
                interface $Properties {

                    /** BuildVersion version */
                    version?: (snimeter.als.v3.SemanticVersion.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a BuildVersion. */
                type $Shape = snimeter.als.v3.BuildVersion.$Properties;
            }

            /**
             * Properties of a SemanticVersion.
             * @deprecated Use snimeter.als.v3.SemanticVersion.$Properties instead.
             */
            interface ISemanticVersion extends snimeter.als.v3.SemanticVersion.$Properties {
            }

            /** Represents a SemanticVersion. */
            class SemanticVersion {

                /**
                 * Constructs a new SemanticVersion.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.SemanticVersion.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** SemanticVersion majorNumber. */
                majorNumber: number;

                /** SemanticVersion minorNumber. */
                minorNumber: number;

                /** SemanticVersion patch. */
                patch: number;

                /**
                 * Encodes the specified SemanticVersion message. Does not implicitly {@link snimeter.als.v3.SemanticVersion.verify|verify} messages.
                 * @param message SemanticVersion message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.SemanticVersion.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a SemanticVersion message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.SemanticVersion & snimeter.als.v3.SemanticVersion.$Shape} SemanticVersion
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.SemanticVersion & snimeter.als.v3.SemanticVersion.$Shape;
            }

            namespace SemanticVersion {

                /** Properties of a SemanticVersion. */
                interface $Properties {

                    /** SemanticVersion majorNumber */
                    majorNumber?: (number|null);

                    /** SemanticVersion minorNumber */
                    minorNumber?: (number|null);

                    /** SemanticVersion patch */
                    patch?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a SemanticVersion. */
                type $Shape = snimeter.als.v3.SemanticVersion.$Properties;
            }

            /**
             * Properties of a Struct.
             * @deprecated Use snimeter.als.v3.Struct.$Properties instead.
             */
            interface IStruct extends snimeter.als.v3.Struct.$Properties {
            }

            /** Represents a Struct. */
            class Struct {

                /**
                 * Constructs a new Struct.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.Struct.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Struct fields. */
                fields: { [k: string]: snimeter.als.v3.Value.$Properties };

                /**
                 * Encodes the specified Struct message. Does not implicitly {@link snimeter.als.v3.Struct.verify|verify} messages.
                 * @param message Struct message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.Struct.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Struct message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Struct & snimeter.als.v3.Struct.$Shape} Struct
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.Struct & snimeter.als.v3.Struct.$Shape;
            }

            namespace Struct {

                /** Properties of a Struct. */
                interface $Properties {

                    /** Struct fields */
                    fields?: ({ [k: string]: snimeter.als.v3.Value.$Properties }|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Struct. */
                type $Shape = {
                  fields?: { [k: string]: snimeter.als.v3.Value.$Shape }|null;
                  $unknowns?: Uint8Array[];
                };
            }

            /**
             * Properties of a Value.
             * @deprecated Use snimeter.als.v3.Value.$Properties instead.
             */
            interface IValue extends snimeter.als.v3.Value.$Properties {
            }

            /** Represents a Value. */
            class Value {

                /**
                 * Constructs a new Value.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: snimeter.als.v3.Value.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Value stringValue. */
                stringValue?: (string|null);

                /** Value structValue. */
                structValue?: (snimeter.als.v3.Struct.$Properties|null);

                /** Value kind. */
                kind?: ("stringValue"|"structValue");

                /**
                 * Encodes the specified Value message. Does not implicitly {@link snimeter.als.v3.Value.verify|verify} messages.
                 * @param message Value message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: snimeter.als.v3.Value.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Value message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Value & snimeter.als.v3.Value.$Shape} Value
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): snimeter.als.v3.Value & snimeter.als.v3.Value.$Shape;
            }

            namespace Value {

                /** Properties of a Value. */
                interface $Properties {

                    /** Value stringValue */
                    stringValue?: (string|null);

                    /** Value structValue */
                    structValue?: (snimeter.als.v3.Struct.$Properties|null);

                    /** Value kind */
                    kind?: ("stringValue"|"structValue");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a Value. */
                type $Shape = {
                  stringValue?: string|null;
                  structValue?: snimeter.als.v3.Struct.$Shape|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ kind?: undefined; stringValue?: null; structValue?: null }|{ kind?: "stringValue"; stringValue: string; structValue?: null }|{ kind?: "structValue"; stringValue?: null; structValue: snimeter.als.v3.Struct.$Shape })
                );
            }
        }
    }
}
