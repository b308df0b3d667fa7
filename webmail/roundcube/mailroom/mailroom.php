<?php

/**
 * Mailroom: decide about held messages, report suspicious ones and request held ones, with the rights of the user who linked this webmail.
 *
 * Each user pastes a key of their own into the settings. It is stored encrypted in their preferences and sent to no browser.
 * What an act does is asked of Mailroom and shown first; this plugin decides nothing and confirms nothing by itself.
 */
class mailroom extends rcube_plugin
{
    public $task = 'mail|settings';

    const FIELDS = 'MESSAGE-ID X-MAILROOM-MESSAGE X-MAILROOM-COPY';
    const ID = '/^[0-9A-HJKMNP-TV-Z]{13}$/';
    const API = 'http://127.0.0.1:8080/api/v1'; // where nothing is configured
    const MOST = 50; // messages of one act

    // What a browser may ask through this plugin: method and path of the API. {id} is an id, all else goes along as query or body.
    const CALLS = [
        'preview'    => ['POST', '/selections/preview'],
        'decide'     => ['POST', '/decisions'],
        'undo'       => ['POST', '/decisions/{id}/undo'],
        'decisions'  => ['GET', '/decisions'],
        'recipients' => ['GET', '/recipients'],
        'templates'  => ['GET', '/rejections/templates'],
        'rejection'  => ['POST', '/rejections/preview'],
        'own'        => ['GET', '/me/messages'],
        'request'    => ['POST', '/me/requests'],
        'expect'     => ['POST', '/me/expected-senders'],
        'forget'     => ['DELETE', '/me/expected-senders/{id}'],
    ];

    private $rcmail;

    /** Registers hooks, actions, buttons and scripts. */
    public function init()
    {
        $this->rcmail = rcmail::get_instance();
        $this->load_config();
        $this->add_texts('localization/', $this->rcmail->task == 'mail');
        $this->add_hook('storage_init', [$this, 'fetch_fields']);

        if ($this->rcmail->task == 'settings') {
            $this->add_hook('preferences_sections_list', [$this, 'list_section']);
            $this->add_hook('preferences_list', [$this, 'show_preferences']);
            $this->add_hook('preferences_save', [$this, 'save_preferences']);
            $this->include_stylesheet($this->local_skin_path() . '/mailroom.css');
            return;
        }

        $this->register_action('plugin.mailroom', [$this, 'answer_call']);
        $this->add_hook('startup', [$this, 'prefer_text']);
        $this->add_hook('message_objects', [$this, 'show_evidence']);

        if (in_array($this->rcmail->action, ['', 'show', 'preview'])) {
            $this->require_plugin('jqueryui');
            $this->include_script('mailroom.js');
            $this->include_stylesheet($this->local_skin_path() . '/mailroom.css');
            $this->rcmail->output->set_env('mailroom', $this->describe_link());
            if ($this->rcmail->action != 'preview') {
                $this->add_buttons();
            }
        }
    }

    /** Lets the message list fetch the fields by which a message is known. */
    public function fetch_fields($options)
    {
        $options['fetch_headers'] = trim(($options['fetch_headers'] ?? '') . ' ' . self::FIELDS);
        return $options;
    }

    /** What the scripts know of the link; never the key. */
    private function describe_link()
    {
        return [
            'linked'   => (bool) $this->rcmail->config->get('mailroom_key'),
            'over'     => (bool) $this->rcmail->config->get('mailroom_over'),
            'name'     => $this->rcmail->config->get('mailroom_name', ''),
            'staff'    => (bool) $this->rcmail->config->get('mailroom_staff'),
            'employee' => (bool) $this->rcmail->config->get('mailroom_employee'),
            'scope'    => (array) $this->rcmail->config->get('mailroom_scope', []),
            'account'  => $this->rcmail->get_user_name(),
            'console'  => $this->console_url(),
            'settings' => $this->rcmail->url(['task' => 'settings', 'action' => 'preferences', '_section' => 'mailroom']),
        ];
    }

    /** Where browsers reach the console. */
    private function console_url()
    {
        return rtrim((string) $this->rcmail->config->get('mailroom_console', ''), '/');
    }

    /** Puts two buttons and a menu into the toolbar of staff, and the menu into that of employees. */
    private function add_buttons()
    {
        $staff = $this->rcmail->config->get('mailroom_staff');
        $acts = $staff ? ['allow', 'block', 'redirect', 'reject', 'undo', 'find'] : [];
        $own = $this->rcmail->config->get('mailroom_employee') ? ['report', 'request', 'expect'] : [];
        foreach ($staff ? ['release', 'remove'] : [] as $act) {
            $this->add_button([
                'type'       => 'link',
                'label'      => "mailroom.$act",
                'title'      => "mailroom.{$act}_title",
                'command'    => "plugin.mailroom.$act",
                'class'      => "button mailroom-$act disabled",
                'classact'   => "button mailroom-$act",
                'innerclass' => 'inner',
            ], 'toolbar');
        }
        $this->add_button([
            'type'       => 'link',
            'label'      => 'mailroom.mailroom',
            'title'      => 'mailroom.menu_title',
            'href'       => '#mailroom',
            'class'      => 'button mailroom-menu',
            'innerclass' => 'inner',
            'data-popup' => 'mailroom-menu',
        ], 'toolbar');
        $this->rcmail->output->add_footer($this->render_menu(array_merge($acts, $own, ['preview', 'link'])));
    }

    /** The popup menu of these acts. */
    private function render_menu($acts)
    {
        $items = '';
        foreach ($acts as $act) {
            $button = $this->rcmail->output->button([
                'type'       => 'link-menuitem',
                'label'      => "mailroom.$act",
                'title'      => "mailroom.{$act}_title",
                'command'    => "plugin.mailroom.$act",
                'class'      => "mailroom-$act disabled",
                'classact'   => "mailroom-$act active",
            ]);
            $items .= $button;
        }
        $list = html::tag('ul', ['class' => 'menu listing', 'role' => 'menu', 'aria-labelledby' => 'aria-label-mailroom-menu'], $items);
        $title = html::tag('h3', ['id' => 'aria-label-mailroom-menu', 'class' => 'voice'], 'Mailroom');
        return html::div(['id' => 'mailroom-menu', 'class' => 'popupmenu', 'aria-hidden' => 'true'], $title . $list);
    }

    /** A held message of a stranger is shown as text: its HTML is for Mailroom's own preview. */
    public function prefer_text($args)
    {
        // as Roundcube reads them: UID.PART is a message within one, and without a folder it is the last one
        $uid = preg_replace('/\.[0-9.]+$/', '', rcube_utils::get_input_string('_uid', rcube_utils::INPUT_GET));
        if (in_array($args['action'], ['show', 'preview', 'print']) && $uid !== '' && !empty($_SESSION['user_id'])) {
            $folder = rcube_utils::get_input_string('_mbox', rcube_utils::INPUT_GPC, true);
            $folder = strlen($folder) ? $folder : ($_SESSION['mbox'] ?? 'INBOX');
            $storage = $this->rcmail->get_storage();
            $storage->set_options(['all_headers' => true]);
            $headers = $storage->get_message($uid, $folder); // it is asked once: the page finds it in the storage's memory
            if ($this->numbers_of($headers ?: null)['copy']) {
                unset($_GET['_format'], $_GET['_safe'], $_SESSION['msg_formats']["$folder:$uid"], $_SESSION['safe_messages']["$folder:$uid"]);
                $this->rcmail->config->set('prefer_html', false);
                $this->rcmail->config->set('show_images', 0);
            }
        }
        return $args;
    }

    /** Makes the place above the message where the script writes what Mailroom found out. */
    public function show_evidence($args)
    {
        $numbers = $this->numbers_of($args['message']->headers);
        if ($numbers['message']) {
            $args['content'][] = html::div([
                'id'        => 'mailroom-evidence',
                'class'     => 'boxinformation mailroom-evidence',
                'role'      => 'status',
                'data-uid'  => $args['message']->uid,
                'data-mbox' => $args['message']->folder,
            ], html::tag('span', [], rcube::Q($this->gettext('asking'))));
        }
        return $args;
    }

    /** The numbers that Mailroom has written on a message; "" where there is none. */
    private function numbers_of($headers)
    {
        $found = [];
        foreach (['message', 'copy'] as $name) {
            $value = $headers ? $headers->get("x-mailroom-$name", false) : null;
            $value = trim(is_array($value) ? (string) reset($value) : (string) $value);
            $found[$name] = preg_match(self::ID, $value) ? $value : '';
        }
        $field = $headers ? trim((string) $headers->messageID, " \t<>") : '';
        $found['field'] = strpos($field, 'mid:') === 0 ? '' : $field; // Roundcube's own, where the message has none
        return $found;
    }

    /** Answers a question of the script: a message of this mailbox, or one of CALLS. */
    public function answer_call()
    {
        $name = rcube_utils::get_input_string('_call', rcube_utils::INPUT_POST);
        $ticket = rcube_utils::get_input_string('_ticket', rcube_utils::INPUT_POST);
        $given = json_decode((string) ($_POST['_given'] ?? '')); // objects within stay objects: an empty one is no list
        $given = is_object($given) ? (array) $given : [];
        $answer = $this->answer_for($name, $given);
        $this->rcmail->output->command('plugin.mailroom.answer', ['ticket' => $ticket] + $answer);
        $this->rcmail->output->send();
    }

    /** The answer to a question of the script. */
    private function answer_for($name, $given)
    {
        if (count((array) ($given['uids'] ?? [])) > self::MOST) {
            return $this->refuse('too_many');
        }
        switch ($name) {
            case 'look':
                return $this->look_up($given);
            case 'report':
                return $this->report($given);
            default:
                return isset(self::CALLS[$name]) ? $this->pass_on($name, $given) : $this->refuse('unknown_call');
        }
    }

    /** Passes a question on to the API. */
    private function pass_on($name, $given)
    {
        list($method, $path) = self::CALLS[$name];
        if (strpos($path, '{id}') !== false) {
            $id = (string) ($given['id'] ?? '');
            if (!preg_match(self::ID, $id)) {
                return $this->refuse('unknown_call');
            }
            $path = str_replace('{id}', $id, $path);
            unset($given['id']);
        }
        $key = (string) ($given['once'] ?? '');
        unset($given['once']);
        return $this->ask($method, $path, $given, $key);
    }

    /** Finds the chosen messages in Mailroom, each by its own fields: its deliveries, or for an employee their own copy. */
    private function look_up($given)
    {
        $found = [];
        foreach ($this->chosen($given) as $uid => $numbers) {
            if (!$numbers['message']) {
                return $this->refuse('not_ours');
            }
            $answer = $this->find($numbers);
            if ($answer['status'] != 200) {
                return $answer;
            }
            if ($answer['body']['message_id_field'] !== $numbers['field']) {
                return $this->refuse('not_the_same');
            }
            $found[] = $answer['body'] + ['uid' => $uid, 'message' => $numbers['message'], 'copy' => $numbers['copy']];
        }
        return ['status' => 200, 'body' => ['items' => $found]];
    }

    /** What Mailroom knows of a message: for staff, and where it is not in their scope or they are none, for its recipient. */
    private function find($numbers)
    {
        $answer = ['status' => 404, 'body' => ['detail' => $this->gettext('not_ours')]];
        if ($this->rcmail->config->get('mailroom_staff')) {
            $query = $numbers['copy'] ? ['copy' => $numbers['copy']] : [];
            $answer = $this->ask('GET', "/webmail/messages/{$numbers['message']}", $query);
        }
        if ($answer['status'] == 404 && !$numbers['copy'] && $this->rcmail->config->get('mailroom_employee')) {
            $answer = $this->ask('GET', '/me/deliveries', ['message' => $numbers['message']]);
        }
        return $answer['status'] == 404 && !$this->rcmail->config->get('mailroom_key') ? $this->refuse('not_linked') : $answer;
    }

    /** Reports the chosen messages as suspicious. */
    private function report($given)
    {
        $answer = $this->refuse('nothing_chosen');
        foreach ($this->chosen($given) as $numbers) {
            if (!$numbers['message']) {
                return $this->refuse('not_ours');
            }
            $answer = $this->ask('POST', '/me/reports', ['message' => $numbers['message']]);
            if ($answer['status'] >= 400) {
                return $answer;
            }
        }
        return $answer;
    }

    /** The numbers of the chosen messages, by uid. */
    private function chosen($given)
    {
        $storage = $this->rcmail->get_storage();
        $found = [];
        foreach ((array) ($given['uids'] ?? []) as $uid) {
            $headers = $storage->get_message_headers((string) $uid, (string) ($given['mbox'] ?? 'INBOX'));
            $found[(string) $uid] = $this->numbers_of($headers ?: null);
        }
        return $found;
    }

    /** Asks the API with the user's key. A key that works no more is forgotten, and the answer says what to do. */
    private function ask($method, $path, $given, $once = '', $key = null)
    {
        $key = $key ?? $this->rcmail->decrypt((string) $this->rcmail->config->get('mailroom_key'));
        if (!$key) {
            return $this->refuse($this->rcmail->config->get('mailroom_over') ? 'link_over' : 'not_linked');
        }
        $options = [
            'http_errors'     => false,
            'allow_redirects' => false, // a redirected POST would become a GET, which does nothing
            'timeout'         => (int) $this->rcmail->config->get('mailroom_timeout', 20),
            'headers'         => [
                'Authorization'   => "Bearer $key",
                'Accept-Language' => substr((string) ($_SESSION['language'] ?? 'en'), 0, 2),
            ],
        ];
        if ($once) {
            $options['headers']['Idempotency-Key'] = preg_replace('/[^!-~]/', '', $once);
        }
        $options += ['GET' => ['query' => $given], 'POST' => ['json' => $given ?: new stdClass()]][$method] ?? [];
        try {
            $response = $this->rcmail->get_http_client()->request($method, rtrim($this->rcmail->config->get('mailroom_api', self::API), '/') . $path, $options);
        } catch (Exception $fault) {
            rcube::write_log('errors', 'mailroom: ' . $fault->getMessage());
            return $this->refuse('no_answer', 503);
        }
        $status = $response->getStatusCode();
        if ($status == 401 && func_num_args() < 5) {
            $this->forget_link();
            return $this->refuse('link_over', 401);
        }
        $body = json_decode((string) $response->getBody(), true);
        if ($status < 400 && $status != 204 && ($status >= 300 || !is_array($body))) {
            rcube::write_log('errors', "mailroom: mailroom_api answers $status and no JSON; is its address right?");
            return $this->refuse('no_answer', 503);
        }
        return ['status' => $status, 'body' => is_array($body) ? $body : []];
    }

    /** An answer of our own that says why not. */
    private function refuse($label, $status = 422)
    {
        return ['status' => $status, 'body' => ['detail' => $this->gettext($label)]];
    }

    /** Forgets a key that works no more. */
    private function forget_link()
    {
        $this->rcmail->user->save_prefs([
            'mailroom_key' => null, 'mailroom_over' => true, 'mailroom_staff' => null, 'mailroom_employee' => null,
            'mailroom_name' => null, 'mailroom_scope' => null,
        ]);
    }

    /** Adds a section to the preferences. */
    public function list_section($args)
    {
        $args['list']['mailroom'] = ['id' => 'mailroom', 'section' => 'Mailroom'];
        return $args;
    }

    /** Shows whether this webmail is linked, and the field for a key. */
    public function show_preferences($args)
    {
        if ($args['section'] != 'mailroom') {
            return $args;
        }
        $config = $this->rcmail->config;
        $state = $config->get('mailroom_key') ? 'linked_as' : ($config->get('mailroom_over') ? 'link_over' : 'not_linked');
        $input = new html_passwordfield(['name' => '_mailroom_key', 'id' => 'mailroom-key', 'autocomplete' => 'off', 'size' => 60]);
        $forget = new html_checkbox(['name' => '_mailroom_forget', 'id' => 'mailroom-forget', 'value' => 1]);
        $name = (string) $config->get('mailroom_name');
        $where = $this->console_url();
        $pages = html::a(['href' => "$where/settings", 'target' => '_blank', 'rel' => 'noopener'], rcube::Q($this->gettext('console_settings')))
            . ' · ' . html::a(['href' => "$where/ask", 'target' => '_blank', 'rel' => 'noopener'], rcube::Q($this->gettext('own_messages')));
        $rows = [
            ['title' => rcube::Q($this->gettext('state')), 'content' => rcube::Q($this->gettext(['name' => $state, 'vars' => ['name' => $name]]))],
            ['title' => html::label('mailroom-key', rcube::Q($this->gettext('key'))), 'content' => $input->show()],
            ['title' => rcube::Q($this->gettext('where')), 'content' => $pages],
        ];
        if ($config->get('mailroom_key')) {
            $rows[] = ['title' => html::label('mailroom-forget', rcube::Q($this->gettext('forget'))), 'content' => $forget->show()];
        }
        $args['blocks']['mailroom'] = ['name' => 'Mailroom', 'options' => $rows];
        return $args;
    }

    /** Links this webmail with the key that was pasted, once Mailroom has said whose it is; or forgets it. */
    public function save_preferences($args)
    {
        if ($args['section'] != 'mailroom') {
            return $args;
        }
        $key = trim(rcube_utils::get_input_string('_mailroom_key', rcube_utils::INPUT_POST));
        if (rcube_utils::get_input_string('_mailroom_forget', rcube_utils::INPUT_POST)) {
            $this->forget_link();
            $args['prefs']['mailroom_over'] = null;
        } elseif ($key !== '') {
            $linked = $this->learn_whose($key);
            if (isset($linked['detail'])) {
                return ['abort' => true, 'result' => false, 'message' => rcube::Q($linked['detail'])] + $args;
            }
            $args['prefs'] = $linked + $args['prefs'];
        }
        return $args;
    }

    /** The preferences of a link, or `detail`: why the key is refused. */
    private function learn_whose($key)
    {
        $staff = $this->ask('GET', '/me', [], '', $key);
        if ($staff['status'] == 401 || $staff['status'] == 503) {
            return ['detail' => $staff['body']['detail'] ?? $this->gettext('key_refused')];
        }
        $own = $this->ask('GET', '/me/name', [], '', $key);
        $is_staff = $staff['status'] == 200;
        if (!$is_staff && $own['status'] != 200) {
            return ['detail' => $staff['body']['detail'] ?? $this->gettext('key_refused')];
        }
        return [
            'mailroom_key'      => $this->rcmail->encrypt($key),
            'mailroom_over'     => null,
            'mailroom_name'     => $is_staff ? $staff['body']['name'] : $own['body']['name'],
            'mailroom_staff'    => $is_staff,
            'mailroom_employee' => $own['status'] == 200,
            'mailroom_scope'    => $is_staff ? $staff['body']['scope'] : [],
        ];
    }
}
