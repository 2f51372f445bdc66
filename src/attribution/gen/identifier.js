// Generated from proto/identifier.proto by `npm run generate`. Do not edit.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const snimeter = $root.snimeter = (() => {

    /**
     * Namespace snimeter.
     * @exports snimeter
     * @namespace
     */
    const snimeter = {};

    snimeter.als = (function() {

        /**
         * Namespace als.
         * @memberof snimeter
         * @namespace
         */
        const als = {};

        als.v3 = (function() {

            /**
             * Namespace v3.
             * @memberof snimeter.als
             * @namespace
             */
            const v3 = {};

            v3.FirstMessage = (function() {

                /**
                 * Properties of a FirstMessage.
                 * @typedef {Object} snimeter.als.v3.FirstMessage.$Properties
                 * @property {snimeter.als.v3.Identifier.$Properties|null} [identifier] FirstMessage identifier
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a FirstMessage.
                 * @memberof snimeter.als.v3
                 * @interface IFirstMessage
                 * @augments snimeter.als.v3.FirstMessage.$Properties
                 * @deprecated Use snimeter.als.v3.FirstMessage.$Properties instead.
                 */

                /**
                 * Shape of a FirstMessage.
                 * @typedef {{
                 *   identifier?: snimeter.als.v3.Identifier.$Shape|null;
                 *   $unknowns?: Array.<Uint8Array>;
                 * }} snimeter.als.v3.FirstMessage.$Shape
                 */

                /**
                 * Constructs a new FirstMessage.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a FirstMessage.
                 * @constructor
                 * @param {snimeter.als.v3.FirstMessage.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const FirstMessage = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * FirstMessage identifier.
                 * @member {snimeter.als.v3.Identifier.$Properties|null|undefined} identifier
                 * @memberof snimeter.als.v3.FirstMessage
                 * @instance
                 */
                FirstMessage.prototype.identifier = null;

                /**
                 * Encodes the specified FirstMessage message. Does not implicitly {@link snimeter.als.v3.FirstMessage.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.FirstMessage
                 * @static
                 * @param {snimeter.als.v3.FirstMessage.$Properties} message FirstMessage message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                FirstMessage.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.identifier != null && $Object.hasOwnProperty.call(message, "identifier"))
                        $root.snimeter.als.v3.Identifier.encode(message.identifier, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a FirstMessage message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.FirstMessage
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.FirstMessage & snimeter.als.v3.FirstMessage.$Shape} FirstMessage
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                FirstMessage.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.FirstMessage();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.identifier = $root.snimeter.als.v3.Identifier.decode(reader, reader.size(), $undefined, _depth + 1, message.identifier);
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return FirstMessage;
            })();

            v3.Identifier = (function() {

                /**
                 * Properties of an Identifier.
                 * @typedef {Object} snimeter.als.v3.Identifier.$Properties
                 * @property {snimeter.als.v3.Node.$Properties|null} [node] Identifier node
                 * @property {string|null} [logName] Identifier logName
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of an Identifier.
                 * @memberof snimeter.als.v3
                 * @interface IIdentifier
                 * @augments snimeter.als.v3.Identifier.$Properties
                 * @deprecated Use snimeter.als.v3.Identifier.$Properties instead.
                 */

                /**
                 * Shape of an Identifier.
                 * @typedef {{
                 *   node?: snimeter.als.v3.Node.$Shape|null;
                 *   logName?: string|null;
                 *   $unknowns?: Array.<Uint8Array>;
                 * }} snimeter.als.v3.Identifier.$Shape
                 */

                /**
                 * Constructs a new Identifier.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents an Identifier.
                 * @constructor
                 * @param {snimeter.als.v3.Identifier.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const Identifier = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * Identifier node.
                 * @member {snimeter.als.v3.Node.$Properties|null|undefined} node
                 * @memberof snimeter.als.v3.Identifier
                 * @instance
                 */
                Identifier.prototype.node = null;

                /**
                 * Identifier logName.
                 * @member {string} logName
                 * @memberof snimeter.als.v3.Identifier
                 * @instance
                 */
                Identifier.prototype.logName = "";

                /**
                 * Encodes the specified Identifier message. Does not implicitly {@link snimeter.als.v3.Identifier.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.Identifier
                 * @static
                 * @param {snimeter.als.v3.Identifier.$Properties} message Identifier message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                Identifier.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.node != null && $Object.hasOwnProperty.call(message, "node"))
                        $root.snimeter.als.v3.Node.encode(message.node, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                    if (message.logName != null && $Object.hasOwnProperty.call(message, "logName") && message.logName !== "")
                        writer.uint32(/* id 2, wireType 2 =*/18).string(message.logName);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes an Identifier message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.Identifier
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Identifier & snimeter.als.v3.Identifier.$Shape} Identifier
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                Identifier.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.Identifier();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.node = $root.snimeter.als.v3.Node.decode(reader, reader.size(), $undefined, _depth + 1, message.node);
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.logName = value;
                                else
                                    delete message.logName;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return Identifier;
            })();

            v3.Node = (function() {

                /**
                 * Properties of a Node.
                 * @typedef {Object} snimeter.als.v3.Node.$Properties
                 * @property {string|null} [id] Node id
                 * @property {string|null} [cluster] Node cluster
                 * @property {snimeter.als.v3.Struct.$Properties|null} [metadata] Node metadata
                 * @property {string|null} [userAgentName] Node userAgentName
                 * @property {string|null} [userAgentVersion] Node userAgentVersion
                 * @property {snimeter.als.v3.BuildVersion.$Properties|null} [userAgentBuildVersion] Node userAgentBuildVersion
                 * @property {"userAgentVersion"|"userAgentBuildVersion"} [userAgentVersionType] Node userAgentVersionType
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a Node.
                 * @memberof snimeter.als.v3
                 * @interface INode
                 * @augments snimeter.als.v3.Node.$Properties
                 * @deprecated Use snimeter.als.v3.Node.$Properties instead.
                 */

                /**
                 * Narrowed shape of a Node.
                 * @typedef {{
                 *   id?: string|null;
                 *   cluster?: string|null;
                 *   metadata?: snimeter.als.v3.Struct.$Shape|null;
                 *   userAgentName?: string|null;
                 *   userAgentVersion?: string|null;
                 *   userAgentBuildVersion?: snimeter.als.v3.BuildVersion.$Shape|null;
                 *   $unknowns?: Array.<Uint8Array>;
                 * } & (
                 *   ({ userAgentVersionType?: undefined; userAgentVersion?: null; userAgentBuildVersion?: null }|{ userAgentVersionType?: "userAgentVersion"; userAgentVersion: string; userAgentBuildVersion?: null }|{ userAgentVersionType?: "userAgentBuildVersion"; userAgentVersion?: null; userAgentBuildVersion: snimeter.als.v3.BuildVersion.$Shape })
                 * )} snimeter.als.v3.Node.$Shape
                 */

                /**
                 * Constructs a new Node.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a Node.
                 * @constructor
                 * @param {snimeter.als.v3.Node.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const Node = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * Node id.
                 * @member {string} id
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.id = "";

                /**
                 * Node cluster.
                 * @member {string} cluster
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.cluster = "";

                /**
                 * Node metadata.
                 * @member {snimeter.als.v3.Struct.$Properties|null|undefined} metadata
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.metadata = null;

                /**
                 * Node userAgentName.
                 * @member {string} userAgentName
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.userAgentName = "";

                /**
                 * Node userAgentVersion.
                 * @member {string|null|undefined} userAgentVersion
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.userAgentVersion = null;

                /**
                 * Node userAgentBuildVersion.
                 * @member {snimeter.als.v3.BuildVersion.$Properties|null|undefined} userAgentBuildVersion
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                Node.prototype.userAgentBuildVersion = null;

                // OneOf field names bound to virtual getters and setters
                let $oneOfFields;

                /**
                 * Node userAgentVersionType.
                 * @member {"userAgentVersion"|"userAgentBuildVersion"|undefined} userAgentVersionType
                 * @memberof snimeter.als.v3.Node
                 * @instance
                 */
                $Object.defineProperty(Node.prototype, "userAgentVersionType", {
                    get: $util.oneOfGetter($oneOfFields = ["userAgentVersion", "userAgentBuildVersion"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                /**
                 * Encodes the specified Node message. Does not implicitly {@link snimeter.als.v3.Node.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.Node
                 * @static
                 * @param {snimeter.als.v3.Node.$Properties} message Node message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                Node.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                        writer.uint32(/* id 1, wireType 2 =*/10).string(message.id);
                    if (message.cluster != null && $Object.hasOwnProperty.call(message, "cluster") && message.cluster !== "")
                        writer.uint32(/* id 2, wireType 2 =*/18).string(message.cluster);
                    if (message.metadata != null && $Object.hasOwnProperty.call(message, "metadata"))
                        $root.snimeter.als.v3.Struct.encode(message.metadata, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
                    if (message.userAgentName != null && $Object.hasOwnProperty.call(message, "userAgentName") && message.userAgentName !== "")
                        writer.uint32(/* id 6, wireType 2 =*/50).string(message.userAgentName);
                    if (message.userAgentVersion != null && $Object.hasOwnProperty.call(message, "userAgentVersion"))
                        writer.uint32(/* id 7, wireType 2 =*/58).string(message.userAgentVersion);
                    if (message.userAgentBuildVersion != null && $Object.hasOwnProperty.call(message, "userAgentBuildVersion"))
                        $root.snimeter.als.v3.BuildVersion.encode(message.userAgentBuildVersion, writer.uint32(/* id 8, wireType 2 =*/66).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a Node message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.Node
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Node & snimeter.als.v3.Node.$Shape} Node
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                Node.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.Node();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.id = value;
                                else
                                    delete message.id;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.cluster = value;
                                else
                                    delete message.cluster;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 2)
                                    break;
                                message.metadata = $root.snimeter.als.v3.Struct.decode(reader, reader.size(), $undefined, _depth + 1, message.metadata);
                                continue;
                            }
                        case 6: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.userAgentName = value;
                                else
                                    delete message.userAgentName;
                                continue;
                            }
                        case 7: {
                                if (wireType !== 2)
                                    break;
                                message.userAgentVersion = reader.stringVerify();
                                message.userAgentVersionType = "userAgentVersion";
                                continue;
                            }
                        case 8: {
                                if (wireType !== 2)
                                    break;
                                message.userAgentBuildVersion = $root.snimeter.als.v3.BuildVersion.decode(reader, reader.size(), $undefined, _depth + 1, message.userAgentBuildVersion);
                                message.userAgentVersionType = "userAgentBuildVersion";
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return Node;
            })();

            v3.BuildVersion = (function() {

                /**
                 * Properties of a BuildVersion.
                 * @typedef {Object} snimeter.als.v3.BuildVersion.$Properties
                 * @property {snimeter.als.v3.SemanticVersion.$Properties|null} [version] BuildVersion version
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a BuildVersion.
                 * @memberof snimeter.als.v3
                 * @interface IBuildVersion
                 * @augments snimeter.als.v3.BuildVersion.$Properties
                 * @deprecated Use snimeter.als.v3.BuildVersion.$Properties instead.
                 */

                /**
                 * Shape of a BuildVersion.
                 * @typedef {snimeter.als.v3.BuildVersion.$Properties} snimeter.als.v3.BuildVersion.$Shape
                 */

                /**
                 * Constructs a new BuildVersion.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a BuildVersion.
                 * @constructor
                 * @param {snimeter.als.v3.BuildVersion.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const BuildVersion = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * BuildVersion version.
                 * @member {snimeter.als.v3.SemanticVersion.$Properties|null|undefined} version
                 * @memberof snimeter.als.v3.BuildVersion
                 * @instance
                 */
                BuildVersion.prototype.version = null;

                /**
                 * Encodes the specified BuildVersion message. Does not implicitly {@link snimeter.als.v3.BuildVersion.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.BuildVersion
                 * @static
                 * @param {snimeter.als.v3.BuildVersion.$Properties} message BuildVersion message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                BuildVersion.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.version != null && $Object.hasOwnProperty.call(message, "version"))
                        $root.snimeter.als.v3.SemanticVersion.encode(message.version, writer.uint32(/* id 1, wireType 2 =*/10).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a BuildVersion message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.BuildVersion
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.BuildVersion & snimeter.als.v3.BuildVersion.$Shape} BuildVersion
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                BuildVersion.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.BuildVersion();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                message.version = $root.snimeter.als.v3.SemanticVersion.decode(reader, reader.size(), $undefined, _depth + 1, message.version);
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return BuildVersion;
            })();

            v3.SemanticVersion = (function() {

                /**
                 * Properties of a SemanticVersion.
                 * @typedef {Object} snimeter.als.v3.SemanticVersion.$Properties
                 * @property {number|null} [majorNumber] SemanticVersion majorNumber
                 * @property {number|null} [minorNumber] SemanticVersion minorNumber
                 * @property {number|null} [patch] SemanticVersion patch
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a SemanticVersion.
                 * @memberof snimeter.als.v3
                 * @interface ISemanticVersion
                 * @augments snimeter.als.v3.SemanticVersion.$Properties
                 * @deprecated Use snimeter.als.v3.SemanticVersion.$Properties instead.
                 */

                /**
                 * Shape of a SemanticVersion.
                 * @typedef {snimeter.als.v3.SemanticVersion.$Properties} snimeter.als.v3.SemanticVersion.$Shape
                 */

                /**
                 * Constructs a new SemanticVersion.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a SemanticVersion.
                 * @constructor
                 * @param {snimeter.als.v3.SemanticVersion.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const SemanticVersion = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * SemanticVersion majorNumber.
                 * @member {number} majorNumber
                 * @memberof snimeter.als.v3.SemanticVersion
                 * @instance
                 */
                SemanticVersion.prototype.majorNumber = 0;

                /**
                 * SemanticVersion minorNumber.
                 * @member {number} minorNumber
                 * @memberof snimeter.als.v3.SemanticVersion
                 * @instance
                 */
                SemanticVersion.prototype.minorNumber = 0;

                /**
                 * SemanticVersion patch.
                 * @member {number} patch
                 * @memberof snimeter.als.v3.SemanticVersion
                 * @instance
                 */
                SemanticVersion.prototype.patch = 0;

                /**
                 * Encodes the specified SemanticVersion message. Does not implicitly {@link snimeter.als.v3.SemanticVersion.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.SemanticVersion
                 * @static
                 * @param {snimeter.als.v3.SemanticVersion.$Properties} message SemanticVersion message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                SemanticVersion.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.majorNumber != null && $Object.hasOwnProperty.call(message, "majorNumber") && message.majorNumber !== 0)
                        writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.majorNumber);
                    if (message.minorNumber != null && $Object.hasOwnProperty.call(message, "minorNumber") && message.minorNumber !== 0)
                        writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.minorNumber);
                    if (message.patch != null && $Object.hasOwnProperty.call(message, "patch") && message.patch !== 0)
                        writer.uint32(/* id 3, wireType 0 =*/24).uint32(message.patch);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a SemanticVersion message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.SemanticVersion
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.SemanticVersion & snimeter.als.v3.SemanticVersion.$Shape} SemanticVersion
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                SemanticVersion.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.SemanticVersion();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.majorNumber = value;
                                else
                                    delete message.majorNumber;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.minorNumber = value;
                                else
                                    delete message.minorNumber;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.uint32())
                                    message.patch = value;
                                else
                                    delete message.patch;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return SemanticVersion;
            })();

            v3.Struct = (function() {

                /**
                 * Properties of a Struct.
                 * @typedef {Object} snimeter.als.v3.Struct.$Properties
                 * @property {Object.<string,snimeter.als.v3.Value.$Properties>|null} [fields] Struct fields
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a Struct.
                 * @memberof snimeter.als.v3
                 * @interface IStruct
                 * @augments snimeter.als.v3.Struct.$Properties
                 * @deprecated Use snimeter.als.v3.Struct.$Properties instead.
                 */

                /**
                 * Shape of a Struct.
                 * @typedef {{
                 *   fields?: Object.<string,snimeter.als.v3.Value.$Shape>|null;
                 *   $unknowns?: Array.<Uint8Array>;
                 * }} snimeter.als.v3.Struct.$Shape
                 */

                /**
                 * Constructs a new Struct.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a Struct.
                 * @constructor
                 * @param {snimeter.als.v3.Struct.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const Struct = function (properties) {
                    this.fields = {};
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * Struct fields.
                 * @member {Object.<string,snimeter.als.v3.Value.$Properties>} fields
                 * @memberof snimeter.als.v3.Struct
                 * @instance
                 */
                Struct.prototype.fields = $util.emptyObject;

                /**
                 * Encodes the specified Struct message. Does not implicitly {@link snimeter.als.v3.Struct.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.Struct
                 * @static
                 * @param {snimeter.als.v3.Struct.$Properties} message Struct message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                Struct.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.fields != null && $Object.hasOwnProperty.call(message, "fields"))
                        for (let keys = $Object.keys(message.fields), i = 0; i < keys.length; ++i) {
                            writer.uint32(/* id 1, wireType 2 =*/10).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]);
                            $root.snimeter.als.v3.Value.encode(message.fields[keys[i]], writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim().ldelim();
                        }
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a Struct message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.Struct
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Struct & snimeter.als.v3.Struct.$Shape} Struct
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                Struct.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, key, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.Struct();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if (message.fields === $util.emptyObject)
                                    message.fields = {};
                                let end2 = reader.size() + reader.pos;
                                if (end2 > reader.len)
                                    throw $RangeError("index out of range");
                                reader.len = end2;
                                key = "";
                                value = null;
                                while (reader.pos < end2) {
                                    let tag2 = reader.tag();
                                    wireType = tag2 & 7;
                                    switch (tag2 >>>= 3) {
                                    case 1:
                                        if (wireType !== 2)
                                            break;
                                        key = reader.stringVerify();
                                        continue;
                                    case 2:
                                        if (wireType !== 2)
                                            break;
                                        value = $root.snimeter.als.v3.Value.decode(reader, reader.size(), $undefined, _depth + 1, value);
                                        continue;
                                    }
                                    reader.skipType(wireType, _depth, tag2);
                                }
                                if (reader.pos !== end2)
                                    throw $RangeError("index out of range");
                                reader.len = end;
                                if (key === "__proto__")
                                    $util.makeProp(message.fields, key);
                                message.fields[key] = value || new $root.snimeter.als.v3.Value();
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return Struct;
            })();

            v3.Value = (function() {

                /**
                 * Properties of a Value.
                 * @typedef {Object} snimeter.als.v3.Value.$Properties
                 * @property {string|null} [stringValue] Value stringValue
                 * @property {snimeter.als.v3.Struct.$Properties|null} [structValue] Value structValue
                 * @property {"stringValue"|"structValue"} [kind] Value kind
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a Value.
                 * @memberof snimeter.als.v3
                 * @interface IValue
                 * @augments snimeter.als.v3.Value.$Properties
                 * @deprecated Use snimeter.als.v3.Value.$Properties instead.
                 */

                /**
                 * Narrowed shape of a Value.
                 * @typedef {{
                 *   stringValue?: string|null;
                 *   structValue?: snimeter.als.v3.Struct.$Shape|null;
                 *   $unknowns?: Array.<Uint8Array>;
                 * } & (
                 *   ({ kind?: undefined; stringValue?: null; structValue?: null }|{ kind?: "stringValue"; stringValue: string; structValue?: null }|{ kind?: "structValue"; stringValue?: null; structValue: snimeter.als.v3.Struct.$Shape })
                 * )} snimeter.als.v3.Value.$Shape
                 */

                /**
                 * Constructs a new Value.
                 * @memberof snimeter.als.v3
                 * @classdesc Represents a Value.
                 * @constructor
                 * @param {snimeter.als.v3.Value.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const Value = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * Value stringValue.
                 * @member {string|null|undefined} stringValue
                 * @memberof snimeter.als.v3.Value
                 * @instance
                 */
                Value.prototype.stringValue = null;

                /**
                 * Value structValue.
                 * @member {snimeter.als.v3.Struct.$Properties|null|undefined} structValue
                 * @memberof snimeter.als.v3.Value
                 * @instance
                 */
                Value.prototype.structValue = null;

                // OneOf field names bound to virtual getters and setters
                let $oneOfFields;

                /**
                 * Value kind.
                 * @member {"stringValue"|"structValue"|undefined} kind
                 * @memberof snimeter.als.v3.Value
                 * @instance
                 */
                $Object.defineProperty(Value.prototype, "kind", {
                    get: $util.oneOfGetter($oneOfFields = ["stringValue", "structValue"]),
                    set: $util.oneOfSetter($oneOfFields)
                });

                /**
                 * Encodes the specified Value message. Does not implicitly {@link snimeter.als.v3.Value.verify|verify} messages.
                 * @function encode
                 * @memberof snimeter.als.v3.Value
                 * @static
                 * @param {snimeter.als.v3.Value.$Properties} message Value message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                Value.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.stringValue != null && $Object.hasOwnProperty.call(message, "stringValue"))
                        writer.uint32(/* id 3, wireType 2 =*/26).string(message.stringValue);
                    if (message.structValue != null && $Object.hasOwnProperty.call(message, "structValue"))
                        $root.snimeter.als.v3.Struct.encode(message.structValue, writer.uint32(/* id 5, wireType 2 =*/42).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a Value message from the specified reader or buffer.
                 * @function decode
                 * @memberof snimeter.als.v3.Value
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {snimeter.als.v3.Value & snimeter.als.v3.Value.$Shape} Value
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                Value.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.snimeter.als.v3.Value();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 3: {
                                if (wireType !== 2)
                                    break;
                                message.stringValue = reader.stringVerify();
                                message.kind = "stringValue";
                                continue;
                            }
                        case 5: {
                                if (wireType !== 2)
                                    break;
                                message.structValue = $root.snimeter.als.v3.Struct.decode(reader, reader.size(), $undefined, _depth + 1, message.structValue);
                                message.kind = "structValue";
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return Value;
            })();

            return v3;
        })();

        return als;
    })();

    return snimeter;
})();

export {
  $root as default
};
